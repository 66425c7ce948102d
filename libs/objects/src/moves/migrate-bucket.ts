import type { BucketContainer, BucketDocument, BucketId, ListedKey } from '#libs/metadata';
import { assertIndexed } from '../adopting/adopt-bucket.js';
import { ensureContainer } from '../buckets/containers.js';
import { isSameContainer } from '../buckets/erase-container.js';
import { changeBucket, requireBucket } from '../buckets/open-bucket.js';
import type { Engine, KnownBackend, OperationContext } from '../engine.js';
import { isObjectsError, ObjectsError, type ObjectsErrorCode } from '../errors.js';
import { moveObject } from '../writing/move-object.js';
import { Tally, type JobEnd, type JobReporter } from './job-reporter.js';
import { isStoreOutage } from './store-outage.js';
import { walkKeys } from './walk.js';

export interface MigrateBucket {
  readonly bucketId: BucketId;
  /** Backend ids. */
  readonly from: string;
  readonly to: string;
  /** Objects moved at once. */
  readonly parallel: number;
  /** How much longer than the grace the source's bytes stay, in milliseconds. */
  readonly sourceRetentionMs?: number;
  readonly reporter: JobReporter;
  /** As last reported; undefined at the first start. */
  readonly checkpoint?: Readonly<Record<string, unknown>>;
}

/** So many passes without getting the source empty mean that something keeps objects there. */
const MAX_PASSES = 8;

/** What the next pass may find otherwise: a key that another change holds, a backend that is away for a moment. */
const PASSING: ReadonlySet<ObjectsErrorCode> = new Set(['busy', 'conflict', 'outcome-unknown', 'backend-unavailable']);
/** The pause before the source is looked through again doubles with each pass: with all passes about two minutes. */
const PAUSE_MS = { least: 1_000, most: 60_000 };

/**
 * Moves a live bucket to another backend. First its home is switched, so that new writes go there; then every object that still lies at the source is moved by the one mutation;
 * when a pass finds none left, the source container retires: it takes no more commits, and the sweeper removes it once its garbage is gone.
 * Objects that are busy, or whose backend does not answer, are tried again in a later pass, after a pause; so are those whose writers were still at the source.
 * Reads, writes and listings go on being right throughout, as each record says where its bytes are. Killed at any point it goes on at its checkpoint.
 */
export async function migrateBucket(
  engine: Engine,
  context: OperationContext,
  migration: MigrateBucket,
): Promise<JobEnd> {
  const to = await destinationOf(engine, migration.to);
  await switchHome(engine, context, migration, to);
  let after = typeof migration.checkpoint?.['after'] === 'string' ? migration.checkpoint['after'] : undefined;
  const first = typeof migration.checkpoint?.['pass'] === 'number' ? migration.checkpoint['pass'] : 1;
  for (let pass = first; pass < first + MAX_PASSES; pass += 1) {
    const tally = new Tally();
    const failed = { passing: 0, lasting: 0 };
    const end = await movePass(engine, context, {
      ...migration,
      pass,
      tally,
      failed,
      ...(after === undefined ? {} : { after }),
    });
    if (end !== 'completed') return { state: end };
    const isLast = pass === first + MAX_PASSES - 1;
    if ((failed.lasting > 0 && pass > 1) || (failed.passing > 0 && isLast))
      return {
        state: 'failed',
        error:
          'some objects could not be moved; each is listed with its reason. They stay readable where they are; resume to try them again',
      };
    if (failed.passing === 0 && (await retireSource(engine, migration))) return { state: 'completed' };
    // Also for whoever is still writing to the source.
    if (!isLast)
      await engine.clock.sleep(Math.min(PAUSE_MS.most, PAUSE_MS.least * 2 ** (pass - first)), context.signal);
    after = undefined;
  }
  return { state: 'failed', error: `after ${MAX_PASSES} passes objects are still at the source; resume to go on` };
}

async function destinationOf(engine: Engine, backendId: string): Promise<KnownBackend> {
  const found = (await engine.catalog.list()).find((backend) => backend.id === backendId);
  if (!found) throw new ObjectsError('unknown-backend', 'the destination backend is registered no more');
  return found;
}

async function switchHome(
  engine: Engine,
  context: OperationContext,
  migration: MigrateBucket,
  to: KnownBackend,
): Promise<void> {
  const { value: bucket } = await requireBucket(engine, migration.bucketId);
  if (bucket.state !== 'active')
    throw new ObjectsError('bucket-not-active', `bucket ${bucket.name} is ${bucket.state}`);
  assertIndexed(bucket);
  await ensureContainer(engine, context, bucket, to);
  await changeBucket(engine, bucket.id, (current) =>
    current.home === to.id ? undefined : { ...current, home: to.id },
  );
  await engine.buckets.update(bucket.id, { backendId: to.id });
}

interface Pass extends MigrateBucket {
  readonly pass: number;
  readonly after?: string;
  readonly tally: Tally;
  /** Counted as it goes: objects that the next pass may move, and those that only an operator can help. */
  readonly failed: { passing: number; lasting: number };
}

async function movePass(
  engine: Engine,
  context: OperationContext,
  pass: Pass,
): Promise<'completed' | 'paused' | 'cancelled'> {
  await count(engine, pass);
  const visit = async ({ key, document }: ListedKey): Promise<void> => {
    const record = document.current;
    if (record?.placement.backend !== pass.from || record.missing) return;
    try {
      const { value: bucket } = await requireBucket(engine, pass.bucketId);
      await moveObject(engine, context, {
        bucket,
        key,
        to: pass.to,
        ...(pass.sourceRetentionMs === undefined ? {} : { keepSourceMs: pass.sourceRetentionMs }),
      });
      pass.tally.done(record.size);
    } catch (error) {
      // A client's write or delete that came between has settled the key; the next pass looks again.
      if (isObjectsError(error, 'changed-meanwhile') || isObjectsError(error, 'no-such-key'))
        pass.tally.done(record.size);
      else if (context.signal?.aborted || isStoreOutage(error)) throw error;
      else {
        pass.failed[isObjectsError(error) && PASSING.has(error.code) ? 'passing' : 'lasting'] += 1;
        pass.tally.failed(key, record.size, error instanceof Error ? error.message : String(error));
      }
    }
  };
  return walkKeys(engine, {
    bucket: pass.bucketId,
    parallel: pass.parallel,
    tally: pass.tally,
    reporter: pass.reporter,
    checkpoint: { pass: pass.pass },
    ...(pass.after === undefined ? {} : { after: pass.after }),
    ...(context.signal ? { signal: context.signal } : {}),
    visit,
  });
}

/** What there is to do, so that progress has a total: one walk over the index alone. Objects at the destination already count as done. */
async function count(engine: Engine, pass: Pass): Promise<void> {
  let after: string | undefined;
  for (;;) {
    const page = await engine.index.scan(pass.bucketId, { limit: 1000, ...(after === undefined ? {} : { after }) });
    for (const { document } of page) {
      const record = document.current;
      if (!record || record.missing) continue;
      pass.tally.expect(record.size);
      if (record.placement.backend !== pass.from) pass.tally.done(record.size);
    }
    after = page.at(-1)?.key;
    if (after === undefined || page.length < 1000) return;
  }
}

/**
 * Closes the source container for writes once nothing lies there and no write to it is open; false if there is more to move.
 * The last look comes after the closing: what was committed before it is seen, and nothing can begin or be committed after it.
 */
async function retireSource(engine: Engine, migration: MigrateBucket): Promise<boolean> {
  const { from, bucketId } = migration;
  if (await holdsAnything(engine, bucketId, from)) return false;
  let closed: readonly BucketContainer[] = [];
  await changeBucket(engine, bucketId, (current) => {
    closed = current.home === from ? [] : current.containers.filter((c) => c.backend === from && !c.retiring);
    return closed.length === 0 ? undefined : withRetiring(current, closed, true);
  });
  if (!(await holdsAnything(engine, bucketId, from))) return true;
  await changeBucket(engine, bucketId, (current) => withRetiring(current, closed, false));
  return false;
}

/** Only the containers named: one that an earlier migration left on the same backend goes on retiring, and so does one that a sweeper has begun to erase. */
function withRetiring(bucket: BucketDocument, which: readonly BucketContainer[], retiring: boolean): BucketDocument {
  const mark = (container: BucketContainer): BucketContainer => {
    if (!which.some((c) => isSameContainer(c, container) && c.marker === container.marker)) return container;
    const { backend, container: name, marker, adopted, weak } = container;
    const kept = { backend, container: name, marker, ...(adopted ? { adopted } : {}), ...(weak ? { weak } : {}) };
    return retiring ? { ...kept, retiring: true } : kept;
  };
  return { ...bucket, containers: bucket.containers.map(mark) };
}

/** True while a record or an open intent is placed there. What is missing cannot be moved and does not count: its record stays. */
async function holdsAnything(engine: Engine, bucket: BucketId, backendId: string): Promise<boolean> {
  let after: string | undefined;
  for (;;) {
    const page = await engine.index.scan(bucket, { limit: 1000, ...(after === undefined ? {} : { after }) });
    for (const { document } of page) {
      if (document.current?.placement.backend === backendId && !document.current.missing) return true;
      if (document.intents.some((intent) => intent.candidate.placement.backend === backendId)) return true;
    }
    after = page.at(-1)?.key;
    if (after === undefined || page.length < 1000) return false;
  }
}
