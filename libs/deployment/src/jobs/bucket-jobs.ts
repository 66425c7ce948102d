import type { BucketId, ControlPlane, JobRecord, JobType, ObjectIndex, Page, PageRequest } from '#libs/metadata';
import type { JobCarrier } from './job-carrier.js';
import type { JobView } from './job-service.js';
import { FAILURES_IN_LISTS, showJob } from './job-view.js';
import { showPage } from './stored-jobs.js';

/** What the jobs work with. */
export interface BucketJobsDependencies {
  readonly controlPlane: ControlPlane;
  readonly index: ObjectIndex;
  readonly queue: JobCarrier;
}

/** Jobs of one type that go through all of a bucket and are told nothing but which: one unfinished at a time. */
export class BucketJobs {
  constructor(
    private readonly type: JobType,
    private readonly dependencies: BucketJobsDependencies,
  ) {}

  /** Begins a run, or answers the one that is unfinished. Two that begin at once do no harm: what one has done the other finds done. */
  async begin(bucketId: BucketId, createdBy: string): Promise<JobView> {
    const { controlPlane, index, queue } = this.dependencies;
    const { type } = this;
    const states = ['planned', 'running', 'paused'] as const;
    const { items } = await controlPlane.jobs.list({ limit: 1, type, states, bucketId });
    const job: JobRecord =
      items[0] ?? (await controlPlane.jobs.create({ type, bucketId, payload: { bucket: bucketId }, createdBy }));
    if (job.state === 'planned') await queue.enqueue(job.id, job.type);
    return showJob(index, job);
  }

  /** The runs of a bucket, newest first. */
  async list(bucketId: BucketId, page: PageRequest): Promise<Page<JobView>> {
    const { controlPlane, index } = this.dependencies;
    const jobs = await controlPlane.jobs.list({ ...page, type: this.type, bucketId });
    return showPage(jobs, (job) => showJob(index, job, FAILURES_IN_LISTS));
  }
}
