import type { BucketId, ListedKey } from '#libs/metadata';
import type { Engine } from '../engine.js';
import type { JobReporter, Tally } from './job-reporter.js';

export interface Walk {
  readonly bucket: BucketId;
  /** The last key dealt with, from a checkpoint. */
  readonly after?: string;
  readonly prefix?: string;
  readonly parallel: number;
  readonly tally: Tally;
  readonly reporter: JobReporter;
  /** More to remember in each checkpoint, for example which pass this is, or what was counted by then. */
  readonly checkpoint: Readonly<Record<string, unknown>> | (() => Readonly<Record<string, unknown>>);
  readonly signal?: AbortSignal;
  /** Rejects where the walk is to end, for a reason that says nothing of the item: then it is not counted. */
  visit(item: ListedKey): Promise<void>;
}

const PAGE = 64;
const REPORT_EVERY_MS = 500;

/**
 * Visits every key document of a bucket in key order, some at once, and reports as it goes. A checkpoint is saved after each page, so that a killed job goes on there;
 * visits must bear being made twice. Ends early, with the page finished, when it is wished to pause or cancel. Where a visit rejects, what was counted by then is still reported.
 */
export async function walkKeys(engine: Engine, walk: Walk): Promise<'completed' | 'paused' | 'cancelled'> {
  let after = walk.after;
  let reportedAt = engine.clock.monotonic();
  const heard: { wish: 'run' | 'pause' | 'cancel' } = { wish: 'run' };
  const tell = async (checkpoint?: Readonly<Record<string, unknown>>): Promise<void> => {
    reportedAt = engine.clock.monotonic();
    heard.wish = await walk.reporter.report({
      counts: walk.tally.counts(),
      failures: walk.tally.takeFailures(),
      ...(checkpoint ? { checkpoint } : {}),
    });
  };
  for (;;) {
    const page = await engine.index.scan(walk.bucket, {
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
      ...(walk.prefix === undefined ? {} : { prefix: walk.prefix }),
    });
    try {
      await inParallel(page, walk.parallel, async (item) => {
        if (heard.wish === 'cancel') return;
        walk.signal?.throwIfAborted();
        await walk.visit(item);
        if (engine.clock.monotonic() - reportedAt >= REPORT_EVERY_MS) await tell();
      });
    } catch (error) {
      // What was done since the last report is done. Where it cannot be told now, the reporter keeps it; why the walk ended is the reason to give.
      await tell().catch(() => undefined);
      throw error;
    }
    const last = page.at(-1);
    if (heard.wish !== 'cancel') after = last?.key ?? after;
    const more = typeof walk.checkpoint === 'function' ? walk.checkpoint() : walk.checkpoint;
    await tell(after === undefined ? more : { ...more, after });
    if (heard.wish !== 'run') return heard.wish === 'pause' ? 'paused' : 'cancelled';
    if (page.length < PAGE) return 'completed';
  }
}

/** Runs `each` over the items, at most so many at once (one, if less is asked for); the first failure is thrown when all that were begun have ended. */
export async function inParallel<T>(
  items: readonly T[],
  parallel: number,
  each: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items[Symbol.iterator]();
  const lane = async (): Promise<void> => {
    for (let next = queue.next(); !next.done; next = queue.next()) await each(next.value);
  };
  const ended = await Promise.allSettled(Array.from({ length: Math.min(Math.max(1, parallel), items.length) }, lane));
  for (const end of ended) if (end.status === 'rejected') throw end.reason;
}
