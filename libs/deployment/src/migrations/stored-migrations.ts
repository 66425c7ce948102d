import type { ControlPlane, JobRecord, Page, PageRequest } from '#libs/metadata';
import { noSuchBucket, type Engine, type OperationContext } from '#libs/objects';
import { DeploymentError } from '../errors.js';
import type { JobCarrier } from '../jobs/job-carrier.js';
import type { JobControl } from '../jobs/job-control.js';
import { FAILURES_IN_LISTS, showJob } from '../jobs/job-view.js';
import { readMigrationPayload, type MigrationPayload } from '../jobs/payloads.js';
import { showPage, type StoredJobs } from '../jobs/stored-jobs.js';
import { everyItem } from '../paging.js';
import { readMigration } from './migration-ends.js';
import type { MigrationInput, MigrationPlan, MigrationService, MigrationView } from './migration-service.js';
import { planMigration } from './plan-migration.js';

/** What the service works with. */
export interface StoredMigrationsDependencies {
  readonly controlPlane: ControlPlane;
  readonly engine: Engine;
  readonly queue: JobCarrier;
  readonly jobs: StoredJobs;
  readonly control: JobControl;
}

const UNFINISHED = ['planned', 'running', 'paused'] as const;

/** Migrations as jobs of the control plane: see the port. */
export class StoredMigrations implements MigrationService {
  constructor(private readonly dependencies: StoredMigrationsDependencies) {}

  async plan(context: OperationContext, input: MigrationInput): Promise<MigrationPlan> {
    const { engine } = this.dependencies;
    return planMigration(engine, context, await readMigration(engine, context, input));
  }

  async start(context: OperationContext, input: MigrationInput): Promise<MigrationView> {
    const { bucket, from, to, container, sourceRetention } = await readMigration(
      this.dependencies.engine,
      context,
      input,
    );
    const destination = { backend: to.id, ...(container === undefined ? {} : { container }) };
    const payload = { bucket: bucket.id, source: { backend: from.id }, destination, sourceRetention };
    return this.#begin(payload, context.actor.userId);
  }

  async get(id: string): Promise<MigrationView> {
    return this.#show(await this.#migration(id));
  }

  async list({ bucket, ...page }: PageRequest & { readonly bucket?: string }): Promise<Page<MigrationView>> {
    const { controlPlane, engine } = this.dependencies;
    const found = bucket === undefined ? undefined : await engine.index.findBucket(bucket);
    if (bucket !== undefined && found === undefined) throw noSuchBucket(bucket);
    const only = found ? { bucketId: found.value.id } : {};
    const jobs = await controlPlane.jobs.list({ ...page, type: 'migration', ...only });
    return showPage(jobs, (job) => this.#show(job, FAILURES_IN_LISTS));
  }

  async *watch(id: string, signal?: AbortSignal): AsyncGenerator<MigrationView> {
    await this.#migration(id);
    for await (const job of this.dependencies.jobs.records(id, signal)) yield await this.#show(job);
  }

  async pause(id: string): Promise<MigrationView> {
    await this.#migration(id);
    return this.#show(await this.dependencies.control.pause(id));
  }

  async resume(id: string): Promise<MigrationView> {
    const job = await this.#migration(id);
    if (job.state === 'failed') return this.#begin(readMigrationPayload(job), job.createdBy);
    return this.#show(await this.dependencies.control.resume(id));
  }

  async cancel(id: string): Promise<MigrationView> {
    await this.#migration(id);
    return this.#show(await this.dependencies.control.cancel(id));
  }

  /** Of two that begin at once the older goes on: each looks after it has made its row, and the younger takes its own back. */
  async #begin(payload: MigrationPayload, createdBy: string | undefined): Promise<MigrationView> {
    const { controlPlane, queue } = this.dependencies;
    const before = await this.#oldestUnfinished(payload);
    if (before !== undefined) throw unfinished(before);
    const job = await controlPlane.jobs.create({
      type: 'migration',
      bucketId: payload.bucket,
      payload: { ...payload },
      ...(createdBy === undefined ? {} : { createdBy }),
    });
    const oldest = await this.#oldestUnfinished(payload);
    if (oldest !== undefined && oldest.id !== job.id) {
      await controlPlane.jobs.requestCancel(job.id);
      throw unfinished(oldest);
    }
    await queue.enqueue(job.id, job.type);
    return this.#show(job);
  }

  async #oldestUnfinished({ bucket }: MigrationPayload): Promise<JobRecord | undefined> {
    const { jobs } = this.dependencies.controlPlane;
    let oldest: JobRecord | undefined;
    const list = (page: PageRequest): Promise<Page<JobRecord>> =>
      jobs.list({ ...page, type: 'migration', states: UNFINISHED, bucketId: bucket });
    for await (const job of everyItem(list)) oldest = job;
    return oldest;
  }

  async #migration(id: string): Promise<JobRecord> {
    const job = await this.dependencies.controlPlane.jobs.find(id);
    if (job?.type === 'migration') return job;
    throw new DeploymentError('no-such-migration', `there is no migration "${id}"`);
  }

  async #show(job: JobRecord, failures?: number): Promise<MigrationView> {
    const { controlPlane, engine } = this.dependencies;
    const { bucket, source, destination, sourceRetention } = readMigrationPayload(job);
    const { backendById } = await controlPlane.configuration.current();
    const nameOf = (id: string): string => backendById.get(id)?.name ?? id;
    const found = await engine.index.getBucket(bucket);
    // An adopted container is the vendor account's own: it stays, and there is nothing to clean up.
    const left = found?.value.containers.some((one) => one.backend === source.backend && one.adopted !== true) ?? false;
    return {
      ...(await showJob(engine.index, job, failures)),
      source: nameOf(source.backend),
      destination: nameOf(destination.backend),
      sourceRetention,
      sourceCleanup: job.state === 'completed' && !left ? 'done' : 'pending',
    };
  }
}

function unfinished(other: JobRecord): DeploymentError {
  const text = `migration ${other.id} of this bucket is ${other.state}: wait for it, or cancel it first`;
  return new DeploymentError('migration-unfinished', text, { facts: { migration: other.id, state: other.state } });
}
