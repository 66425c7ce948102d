import type { BucketDocument, BucketId, KeyDocument, ListedKey, ObjectRecord } from '#libs/metadata';
import { requireBucket } from '../buckets/open-bucket.js';
import type { Engine, OperationContext } from '../engine.js';
import { isObjectsError } from '../errors.js';
import { isCurrentWrite } from '../mutation/key-changes.js';
import { changedMeanwhile } from '../mutation/mutate.js';
import { reportIn, Telling } from '../reconciling/reconcile-report.js';
import { countsSoFar, Tally, type Counts, type JobEnd, type JobReporter } from './job-reporter.js';
import { isStoreOutage } from './store-outage.js';
import { tryingAgain } from './trying-again.js';
import { walkKeys } from './walk.js';

/** What a job that changes the objects of a bucket one by one is given. */
export interface BucketRun {
  readonly bucketId: BucketId;
  /** Objects changed at once. */
  readonly parallel: number;
  readonly reporter: JobReporter;
  /** As last reported; undefined at the first start. */
  readonly checkpoint?: Readonly<Record<string, unknown>>;
  /** The counts as last reported, perhaps later than the checkpoint; those of the checkpoint if absent. */
  readonly before?: Counts;
}

/** One object that is to be changed, as it was judged. */
export interface EachWork {
  readonly bucket: BucketDocument;
  readonly key: string;
  /** Refuses if the object is not what was judged any more. */
  readonly guard: (document: KeyDocument) => void;
}

/** What kind of change it is. */
export interface EachChange<Left extends string> {
  /** Whether an object is to be changed, is left alone for a reason worth telling, or is no concern of the job. From the index alone. */
  judge(key: string, record: ObjectRecord): 'due' | 'none' | { readonly left: Left };
  change(work: EachWork): Promise<void>;
  /** Why the job failed, where single objects could not be changed. */
  readonly failure: string;
}

interface Checkpoint {
  readonly after?: string;
  readonly counts?: Counts;
}

const PAGE = 1000;
/** Before an object is looked at again whose change lost against another's. */
const LOST_RACE_PAUSE_MS = 100;

/**
 * Changes every object of a bucket that wants it, each by the one mutation and only while it is what was judged: a client's write that comes between stands, and is judged itself.
 * Progress counts what is to be changed; the report names what was left alone. Killed at any point it goes on at its checkpoint; run again it finds nothing to do.
 */
export async function changeEach<Left extends string>(
  engine: Engine,
  context: OperationContext,
  run: BucketRun & { readonly change: EachChange<Left> },
): Promise<JobEnd> {
  const { bucketId, change } = run;
  const { after, counts } = (run.checkpoint ?? {}) as Checkpoint;
  const telling = new Telling<Left>(reportIn<Left>(run.checkpoint ?? null));
  // What an earlier run had not come to is counted anew.
  const tally = new Tally(countsSoFar(run.before, counts));
  await countDue(engine, { bucketId, change, tally, after, context });
  const end = await walkKeys(engine, {
    bucket: bucketId,
    parallel: run.parallel,
    tally,
    reporter: run.reporter,
    checkpoint: () => ({ counts: tally.counts(), report: telling.report() }),
    ...(after === undefined ? {} : { after }),
    ...(context.signal ? { signal: context.signal } : {}),
    visit: async ({ key, document }) => {
      const record = document.current;
      if (!record || record.missing) return;
      const verdict = change.judge(key, record);
      if (typeof verdict === 'object') telling.tell(key, verdict.left);
      if (verdict === 'due') await changeOne(engine, context, { run, tally, telling, key, record });
    },
  });
  if (end !== 'completed') return { state: end };
  tally.settle();
  await run.reporter.report({ counts: tally.counts() });
  return tally.hasFailures ? { state: 'failed', error: change.failure } : { state: end };
}

interface Counting<Left extends string> {
  readonly bucketId: BucketId;
  readonly change: EachChange<Left>;
  readonly tally: Tally;
  readonly after: string | undefined;
  readonly context: OperationContext;
}

/** So that progress has a total: one walk over what is left of the index. */
async function countDue<Left extends string>(engine: Engine, counting: Counting<Left>): Promise<void> {
  let { after } = counting;
  for (;;) {
    counting.context.signal?.throwIfAborted();
    const page: readonly ListedKey[] = await engine.index.scan(counting.bucketId, {
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    });
    for (const { key, document } of page) {
      const record = document.current;
      if (record && !record.missing && counting.change.judge(key, record) === 'due') counting.tally.expect(record.size);
    }
    after = page.at(-1)?.key;
    if (after === undefined || page.length < PAGE) return;
  }
}

interface OneChange<Left extends string> {
  readonly run: BucketRun & { readonly change: EachChange<Left> };
  readonly tally: Tally;
  readonly telling: Telling<Left>;
  readonly key: string;
  readonly record: ObjectRecord;
}

async function changeOne<Left extends string>(
  engine: Engine,
  context: OperationContext,
  at: OneChange<Left>,
): Promise<void> {
  const { tally, key, record } = at;
  try {
    await tryingAgain(engine, context, () => changeUnlessSettled(engine, context, at));
    tally.done(record.size);
  } catch (error) {
    if (context.signal?.aborted || isStoreOutage(error)) throw error;
    tally.failed(key, record.size, error instanceof Error ? error.message : String(error));
  }
}

/** Another's change that came between need not have made of the object what it should be: new metadata leave its bytes as they are. So it is judged anew, and changed as it is then. */
async function changeUnlessSettled<Left extends string>(
  engine: Engine,
  context: OperationContext,
  { run, telling, key, record }: OneChange<Left>,
): Promise<void> {
  const until = engine.clock.monotonic() + engine.settings.patienceMs;
  for (let judged = record; ;) {
    const guard = (document: KeyDocument): void => {
      if (!isCurrentWrite(document, judged.placement.writeId)) throw changedMeanwhile();
    };
    const { value: bucket } = await requireBucket(engine, run.bucketId);
    try {
      await run.change.change({ bucket, key, guard });
      return;
    } catch (error) {
      if (isObjectsError(error, 'no-such-key')) return;
      if (!isObjectsError(error, 'changed-meanwhile') && !isObjectsError(error, 'conflict')) throw error;
      if (engine.clock.monotonic() >= until) throw error;
    }
    await engine.clock.sleep(LOST_RACE_PAUSE_MS, context.signal);
    const newest = (await engine.index.getKey({ bucket: run.bucketId, key }))?.value.current;
    if (!newest || newest.missing) return;
    const verdict = run.change.judge(key, newest);
    if (typeof verdict === 'object') telling.tell(key, verdict.left);
    if (verdict !== 'due') return;
    judged = newest;
  }
}
