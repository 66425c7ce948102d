import { watchJob } from '#libs/jobs';
import type { ControlPlane, JobRecord, ObjectIndex, Page, PageRequest } from '#libs/metadata';
import { noSuchBucket, type Clock } from '#libs/objects';
import { requireJob, type JobControl } from './job-control.js';
import type { JobFilter, JobService, JobView } from './job-service.js';
import { FAILURES_IN_LISTS, showJob } from './job-view.js';

/** What the service works with. */
export interface StoredJobsDependencies {
  readonly controlPlane: ControlPlane;
  readonly index: ObjectIndex;
  readonly control: JobControl;
  readonly clock: Clock;
}

/** A page with each item shown, for showing that asks. */
export async function showPage<T, View>(page: Page<T>, show: (item: T) => Promise<View>): Promise<Page<View>> {
  const items = await Promise.all(page.items.map(show));
  return page.next === undefined ? { items } : { items, next: page.next };
}

/** The jobs of the control plane: see the port. */
export class StoredJobs implements JobService {
  constructor(private readonly dependencies: StoredJobsDependencies) {}

  async list({ bucket, ...page }: PageRequest & JobFilter): Promise<Page<JobView>> {
    const { controlPlane, index } = this.dependencies;
    const found = bucket === undefined ? undefined : await index.findBucket(bucket);
    if (bucket !== undefined && found === undefined) throw noSuchBucket(bucket);
    const jobs = await controlPlane.jobs.list({ ...page, ...(found ? { bucketId: found.value.id } : {}) });
    return showPage(jobs, (job) => showJob(index, job, FAILURES_IN_LISTS));
  }

  async get(id: string): Promise<JobView> {
    return this.#show(await requireJob(this.dependencies.controlPlane, id));
  }

  async *watch(id: string, signal?: AbortSignal): AsyncGenerator<JobView> {
    for await (const job of this.records(id, signal)) yield await this.#show(job);
  }

  /** The rows behind `watch`, for views of other shapes. */
  async *records(id: string, signal = new AbortController().signal): AsyncGenerator<JobRecord> {
    const { controlPlane, clock } = this.dependencies;
    await requireJob(controlPlane, id);
    yield* watchJob(controlPlane.jobs, id, { signal, wait: (ms, until) => clock.sleep(ms, until) });
  }

  async pause(id: string): Promise<JobView> {
    return this.#show(await this.dependencies.control.pause(id));
  }

  async resume(id: string): Promise<JobView> {
    return this.#show(await this.dependencies.control.resume(id));
  }

  async cancel(id: string): Promise<JobView> {
    return this.#show(await this.dependencies.control.cancel(id));
  }

  #show(job: JobRecord): Promise<JobView> {
    return showJob(this.dependencies.index, job);
  }
}
