import type { BucketDocument, BucketId, ControlPlane, JobRecord, Page, PageRequest } from '#libs/metadata';
import {
  adoptingContainer,
  assertIndexed,
  createBucket,
  discoverContainers,
  isObjectsError,
  ObjectsError,
  openBucket,
  requireBackend,
  requireBucket,
  type CreatedBucket,
  type DiscoveredContainer,
  type Engine,
  type OperationContext,
} from '#libs/objects';
import { DeploymentError } from '../errors.js';
import type { JobCarrier } from '../jobs/job-carrier.js';
import type { JobView } from '../jobs/job-service.js';
import { showJob } from '../jobs/job-view.js';
import type { AdoptionInput, AdoptionView, ContainerView, TakeoverService } from './takeover-service.js';

/** What the service works with. */
export interface StoredTakeoversDependencies {
  readonly controlPlane: ControlPlane;
  readonly engine: Engine;
  readonly queue: JobCarrier;
  /** Milliseconds between two reconciliations of a bucket; 0: only when asked. */
  readonly reconcileEveryMs: number;
}

type TakeoverJob = 'adopt' | 'reconcile';

const UNFINISHED = ['planned', 'running', 'paused'] as const;
const AGAIN_AFTER_MS = 300_000;

function isUnfinished({ state }: JobRecord): boolean {
  return UNFINISHED.some((one) => one === state);
}

/** Takeovers as jobs of the control plane: see the port. */
export class StoredTakeovers implements TakeoverService {
  constructor(private readonly dependencies: StoredTakeoversDependencies) {}

  async discover(context: OperationContext, name: string, page: PageRequest): Promise<Page<ContainerView>> {
    const { engine } = this.dependencies;
    const known = await requireBackend(engine, name).catch((error: unknown) => {
      if (!isObjectsError(error, 'unknown-backend')) throw error;
      throw new DeploymentError('no-such-backend', error.message, { cause: error });
    });
    const found = await discoverContainers(engine, context, { backendId: known.id, ...page });
    const items = found.items.map(show);
    return found.next === undefined ? { items } : { items, next: found.next };
  }

  async adopt(context: OperationContext, input: AdoptionInput): Promise<CreatedBucket & { readonly job: JobView }> {
    if (!context.actor.isAdmin)
      throw new ObjectsError('access-denied', 'containers are taken over by administrators only');
    if (input.backend === undefined)
      throw new ObjectsError('invalid-request', 'name the backend whose container is to be taken over');
    const created = await createBucket(this.dependencies.engine, context, input);
    const job = await this.begin('adopt', created.bucket.id, context.actor.userId);
    return { ...created, job: await showJob(this.dependencies.engine.index, job) };
  }

  async resume(context: OperationContext, name: string): Promise<JobView> {
    const { engine } = this.dependencies;
    const bucket = await openBucket(engine, context, name);
    if (!adoptingContainer(bucket))
      throw new DeploymentError('wrong-state', `all objects of bucket ${name} are indexed; there is nothing to adopt`);
    return showJob(engine.index, await this.begin('adopt', bucket.id, context.actor.userId));
  }

  async adoptionOf(bucketId: string): Promise<AdoptionView | undefined> {
    const { value: bucket } = await requireBucket(this.dependencies.engine, bucketId as BucketId);
    if (!adoptingContainer(bucket)) return undefined;
    const job = await this.#newest('adopt', bucketId);
    return job ? { state: job.state, jobId: job.id } : { state: 'planned' };
  }

  async reconcile(context: OperationContext, name: string): Promise<JobView> {
    const { engine } = this.dependencies;
    const bucket = await openBucket(engine, context, name);
    if (bucket.recovering === undefined) assertIndexed(bucket);
    return showJob(engine.index, await this.begin('reconcile', bucket.id, context.actor.userId));
  }

  /** Begins what is due of a bucket: its adoption, if a crash came between taking the container and making the job; else its next scheduled reconciliation. */
  async beginDue(bucket: BucketDocument): Promise<TakeoverJob | undefined> {
    if (bucket.recovering !== undefined) return this.#beginRecovery(bucket);
    if (adoptingContainer(bucket)) {
      if (await this.#newest('adopt', bucket.id)) return undefined;
      await this.begin('adopt', bucket.id);
      return 'adopt';
    }
    const { reconcileEveryMs, engine } = this.dependencies;
    if (reconcileEveryMs === 0) return undefined;
    const last = await this.#newest('reconcile', bucket.id);
    if ((last?.createdAt ?? bucket.createdAt) + reconcileEveryMs > engine.clock.now()) return undefined;
    await this.begin('reconcile', bucket.id);
    return 'reconcile';
  }

  /** Begins the job, or answers the one that is unfinished. Two that begin at once do no harm: what one has settled the other finds settled. */
  async begin(type: TakeoverJob, bucketId: BucketId, createdBy?: string): Promise<JobRecord> {
    const { controlPlane, queue } = this.dependencies;
    const { items } = await controlPlane.jobs.list({ limit: 1, type, states: UNFINISHED, bucketId });
    const job =
      items[0] ??
      (await controlPlane.jobs.create({
        type,
        bucketId,
        payload: { bucket: bucketId },
        ...(createdBy === undefined ? {} : { createdBy }),
      }));
    if (job.state === 'planned') await queue.enqueue(job.id, job.type);
    return job;
  }

  /** A restore has ended the jobs there were. One that failed since is begun again, not in every round. */
  async #beginRecovery(bucket: BucketDocument): Promise<TakeoverJob | undefined> {
    const last = await this.#newest('reconcile', bucket.id);
    const isOurs = last !== undefined && last.createdAt > (bucket.recovering ?? 0);
    if (isOurs && (isUnfinished(last) || last.updatedAt + AGAIN_AFTER_MS > this.dependencies.engine.clock.now()))
      return undefined;
    await this.begin('reconcile', bucket.id);
    return 'reconcile';
  }

  async #newest(type: TakeoverJob, bucketId: string): Promise<JobRecord | undefined> {
    return (await this.dependencies.controlPlane.jobs.list({ limit: 1, type, bucketId })).items[0];
  }
}

function show({ name, region, createdAt, tokens, owner }: DiscoveredContainer): ContainerView {
  return {
    container: name,
    ...(region === undefined ? {} : { region }),
    ...(createdAt === undefined ? {} : { createdAt: createdAt.toISOString() }),
    versioned: tokens !== 'none',
    owner,
    adoptable: tokens !== 'id' && (owner.kind === 'nobody' || owner.kind === 'orphaned'),
  };
}
