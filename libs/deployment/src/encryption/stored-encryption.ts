import type { JobQueue } from '#libs/jobs';
import type { ControlPlane, Page, PageRequest } from '#libs/metadata';
import { assertIndexed, openBucket, type Engine, type OperationContext } from '#libs/objects';
import type { KeyRing } from '#libs/secrets';
import { DeploymentError } from '../errors.js';
import { changing } from '../fresh-configuration.js';
import { BucketJobs } from '../jobs/bucket-jobs.js';
import type { JobView } from '../jobs/job-service.js';
import { FAILURES_IN_LISTS, showJob } from '../jobs/job-view.js';
import { showPage } from '../jobs/stored-jobs.js';
import { isoTime } from '../paging.js';
import type { EncryptionService, EncryptionView } from './encryption-service.js';

/** What the service works with. */
export interface StoredEncryptionDependencies {
  readonly controlPlane: ControlPlane;
  readonly engine: Engine;
  readonly queue: Pick<JobQueue, 'enqueue'>;
  readonly masterKey: KeyRing;
}

const UNFINISHED = ['planned', 'running', 'paused'] as const;

/** The master keys that the control plane knows of: see the port. */
export class StoredEncryption implements EncryptionService {
  readonly #jobs: BucketJobs;

  constructor(private readonly dependencies: StoredEncryptionDependencies) {
    const { controlPlane, engine, queue } = dependencies;
    this.#jobs = new BucketJobs('encrypt', { controlPlane, index: engine.index, queue });
  }

  async view(): Promise<EncryptionView> {
    const { controlPlane, masterKey } = this.dependencies;
    const records = await controlPlane.masterKeys.list();
    const unused = masterKey.ids.filter((id) => !records.some((record) => record.id === id));
    return {
      current: records.find((record) => record.state === 'current')?.id ?? '',
      keys: [
        ...records.map(({ id, state, createdAt, retiredAt }) => ({
          id,
          state,
          atHand: masterKey.find(id) !== undefined,
          since: isoTime(createdAt),
          ...(retiredAt === undefined ? {} : { retiredAt: isoTime(retiredAt) }),
        })),
        ...unused.map((id) => ({ id, state: 'none' as const, atHand: true })),
      ],
    };
  }

  async rotate(context: OperationContext, to: string): Promise<JobView> {
    const { controlPlane, engine, queue, masterKey } = this.dependencies;
    if (masterKey.find(to) === undefined) {
      throw new DeploymentError(
        'unknown-master-key',
        `this process has no master key ${to}; it has ${masterKey.ids.join(', ')}. Give the new key to every process first, beside the old one`,
      );
    }
    const begun = await controlPlane.jobs.list({ limit: 1, type: 'key-rotation', states: UNFINISHED });
    const [unfinished] = begun.items;
    if (unfinished) {
      throw new DeploymentError(
        'rotation-unfinished',
        `rotation ${unfinished.id} is ${unfinished.state}; let it end first`,
      );
    }
    await changing(controlPlane, () => controlPlane.masterKeys.makeCurrent(to))();
    const createdBy = context.actor.userId;
    const job = await controlPlane.jobs.create({ type: 'key-rotation', payload: { to }, createdBy });
    await queue.enqueue(job.id, job.type);
    return showJob(engine.index, job);
  }

  async rotations(page: PageRequest): Promise<Page<JobView>> {
    const { controlPlane, engine } = this.dependencies;
    const jobs = await controlPlane.jobs.list({ ...page, type: 'key-rotation' });
    return showPage(jobs, (job) => showJob(engine.index, job, FAILURES_IN_LISTS));
  }

  async encryptExisting(context: OperationContext, name: string): Promise<JobView> {
    const bucket = await openBucket(this.dependencies.engine, context, name);
    if (!bucket.encrypted)
      throw new DeploymentError('wrong-state', `bucket ${name} does not encrypt new objects; switch that on first`);
    assertIndexed(bucket);
    return this.#jobs.begin(bucket.id, context.actor.userId);
  }

  async encryptions(context: OperationContext, name: string, page: PageRequest): Promise<Page<JobView>> {
    const bucket = await openBucket(this.dependencies.engine, context, name);
    return this.#jobs.list(bucket.id, page);
  }
}
