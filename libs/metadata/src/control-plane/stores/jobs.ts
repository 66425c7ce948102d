import { In, LessThan, MoreThan, type Repository } from 'typeorm';
import { JobEntity } from '../entities/job.entity.js';
import { ControlPlaneError } from '../errors.js';
import { attempt, invalidAfter, isUuid, required } from '../failures.js';
import {
  MAX_JOB_FAILURES,
  NO_PROGRESS,
  isSettled,
  type JobRecord,
  type JobState,
  type JobType,
  type JobWish,
} from '../job-records.js';
import type { Claim, JobFigures, JobOutcome, JobRun, JobSave, JobStore, NewJob, ReleaseReason } from '../job-store.js';
import { toJob } from '../mapping.js';
import { rowsToRead, toPage, type Page, type PageRequest } from '../paging.js';
import {
  CLAIM,
  CONFLICT,
  FIGURES,
  RELEASE,
  RELEASE_ALL_OF,
  REQUEST,
  SAVE,
  SETTLE,
  type Request,
} from './job-statements.js';
import { insertRow, type StoreContext } from './store-context.js';
import { storable, storableJson } from './stored-json.js';

type JobPage = PageRequest & {
  readonly type?: JobType;
  readonly states?: readonly JobState[];
  readonly bucketId?: string;
};

type Sum = `${'objects' | 'bytes'}_${'total' | 'done' | 'failed'}`;

interface FigureRow extends Readonly<Record<Sum, string | null>> {
  readonly type: JobType;
  readonly state: JobState;
  readonly jobs: number;
  readonly oldest: Date;
}

const DAY_MS = 24 * 60 * 60 * 1000;

const json = (value: unknown): string | null => (value === undefined ? null : storableJson(value));

/** Jobs in Postgres. Every write of a run is one conditional UPDATE, so no two runs can interleave. */
export class PostgresJobStore implements JobStore {
  constructor(private readonly context: StoreContext) {}

  private get rows(): Repository<JobEntity> {
    return this.context.dataSource.getRepository(JobEntity);
  }

  /** The one row that a statement answers; undefined if its condition did not hold. */
  private async one<Row>(what: string, statement: string, parameters: unknown[]): Promise<Row | undefined> {
    return attempt(what, async () => (await this.context.dataSource.query<Row[]>(statement, parameters))[0]);
  }

  private get now(): Date {
    return new Date(this.context.clock.now());
  }

  async create(job: NewJob): Promise<JobRecord> {
    const now = this.now;
    const row = this.rows.create({
      id: this.context.newId(),
      type: job.type,
      state: 'planned',
      wish: 'run',
      bucketId: job.bucketId ?? null,
      payload: { ...job.payload },
      checkpoint: null,
      progress: job.progress ?? NO_PROGRESS,
      failures: [],
      error: null,
      workerId: null,
      fence: 0,
      failedAttempts: 0,
      heartbeatAt: null,
      createdAt: now,
      updatedAt: now,
      createdBy: job.createdBy ?? null,
      trace: this.context.currentTrace?.() ?? null,
    });
    await attempt('job', () => insertRow(this.rows, row));
    return toJob(row);
  }

  async get(id: string): Promise<JobRecord> {
    return required(`job ${id}`, await this.find(id));
  }

  async find(id: string): Promise<JobRecord | undefined> {
    if (!isUuid(id)) return undefined;
    const row = await attempt(`job ${id}`, () => this.rows.findOneBy({ id }));
    return row === null ? undefined : toJob(row);
  }

  async list(page: JobPage): Promise<Page<JobRecord>> {
    const take = rowsToRead(page);
    const { type, states, bucketId } = page;
    if (bucketId !== undefined && !isUuid(bucketId)) return { items: [] };
    const where = {
      ...(page.after === undefined ? {} : { sequence: LessThan(cursor(page.after)) }),
      ...(type === undefined ? {} : { type }),
      ...(states === undefined ? {} : { state: In([...states]) }),
      ...(bucketId === undefined ? {} : { bucketId }),
    };
    const rows = await attempt('jobs', () => this.rows.find({ where, order: { sequence: 'DESC' }, take }));
    return toPage(rows, page.limit, { record: toJob, cursor: (row) => row.sequence });
  }

  async figures(): Promise<JobFigures> {
    const now = this.context.clock.now();
    const rows = await attempt('jobs', () =>
      this.context.dataSource.query<FigureRow[]>(FIGURES, [new Date(now - DAY_MS)]),
    );
    return figuresOf(rows, now);
  }

  async listUnfinished(page: PageRequest): Promise<Page<JobRecord>> {
    const take = rowsToRead(page);
    const where = {
      state: In(['planned', 'running']),
      ...(page.after === undefined ? {} : { sequence: MoreThan(cursor(page.after)) }),
    };
    const rows = await attempt('jobs', () => this.rows.find({ where, order: { sequence: 'ASC' }, take }));
    return toPage(rows, page.limit, { record: toJob, cursor: (row) => row.sequence });
  }

  async claim(jobId: string, workerId: string, staleAfterMs: number): Promise<Claim> {
    const what = `job ${jobId}`;
    required(what, isUuid(jobId) ? jobId : undefined);
    const claimed = await this.one<{ fence: number }>(what, CLAIM, [jobId, workerId, staleAfterMs, this.now]);
    const job = await this.get(jobId);
    if (claimed !== undefined) return { outcome: 'claimed', run: { jobId, workerId, fence: claimed.fence }, job };
    return job.state === 'running' ? { outcome: 'held' } : { outcome: 'not-runnable', job };
  }

  async save(run: JobRun, save: JobSave): Promise<JobWish> {
    const values = [
      json(save.checkpoint),
      json(save.progress),
      json(save.failures),
      MAX_JOB_FAILURES,
      this.now,
      save.movedOn === true,
    ];
    const row = await this.one<{ wish: JobWish }>(`job ${run.jobId}`, SAVE, [run.jobId, run.fence, ...values]);
    return (row ?? (await this.superseded(run))).wish;
  }

  async settle(run: JobRun, outcome: JobOutcome): Promise<JobState> {
    const error = outcome.state === 'failed' ? storable(outcome.error) : null;
    const parameters = [run.jobId, run.fence, outcome.state, error, this.now];
    const row = await this.one<{ state: JobState }>(`job ${run.jobId}`, SETTLE, parameters);
    return (row ?? (await this.superseded(run))).state;
  }

  async release(run: JobRun, reason: ReleaseReason): Promise<void> {
    const parameters = [run.jobId, run.fence, this.now, reason === 'attempt-failed' ? 1 : 0];
    const row = await this.one(`job ${run.jobId}`, RELEASE, parameters);
    if (row === undefined) await this.superseded(run);
  }

  async releaseAllOf(workerIds: readonly string[]): Promise<number> {
    const rows = await attempt('jobs', () =>
      this.context.dataSource.query<{ id: string }[]>(RELEASE_ALL_OF, [workerIds, this.now]),
    );
    return rows.length;
  }

  private async superseded(run: JobRun): Promise<never> {
    const job = await this.get(run.jobId);
    const text = `job ${run.jobId}: this run (fence ${run.fence}) may not write: the job is ${job.state} at fence ${job.fence}`;
    throw new ControlPlaneError('conflict', text);
  }

  requestPause(id: string): Promise<JobRecord> {
    return this.request(id, 'pause');
  }

  requestResume(id: string): Promise<JobRecord> {
    return this.request(id, 'resume');
  }

  requestCancel(id: string): Promise<JobRecord> {
    return this.request(id, 'cancel');
  }

  private async request(id: string, request: Request): Promise<JobRecord> {
    const what = `job ${id}`;
    required(what, isUuid(id) ? id : undefined);
    const row = await this.one(what, REQUEST[request], [id, this.now]);
    const job = await this.get(id);
    if (row === undefined) throw new ControlPlaneError('conflict', `${what}: ${CONFLICT[request]}; it is ${job.state}`);
    return job;
  }
}

function figuresOf(rows: readonly FigureRow[], now: number): JobFigures {
  const shown = ({ type, state, jobs }: FigureRow) => ({ type, state, jobs });
  const work = [...Map.groupBy(rows, ({ type }) => type)].map(([type, of]) => ({
    type,
    objects: {
      total: sumOf(of, 'objects_total'),
      done: sumOf(of, 'objects_done'),
      failed: sumOf(of, 'objects_failed'),
    },
    bytes: { total: sumOf(of, 'bytes_total'), done: sumOf(of, 'bytes_done'), failed: sumOf(of, 'bytes_failed') },
  }));
  return {
    open: rows.filter(({ state }) => !isSettled(state)).map(shown),
    ended: rows.filter(({ state }) => isSettled(state)).map(shown),
    work,
    waiting: rows.flatMap(({ type, state, oldest }) =>
      state === 'planned' ? [{ type, seconds: Math.max(0, (now - oldest.getTime()) / 1000) }] : [],
    ),
  };
}

function sumOf(rows: readonly FigureRow[], name: Sum): number {
  return rows.reduce((all, row) => all + Number(row[name] ?? 0), 0);
}

/** The sequence number of a page's `after`. */
function cursor(after: string): string {
  if (!/^\d{1,18}$/.test(after)) throw invalidAfter();
  return after;
}
