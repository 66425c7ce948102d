import { isBackendError, type ListedEntry, type ListPage, type ObjectBackend } from '#libs/backends';
import type { BucketContainer, BucketDocument, BucketId } from '#libs/metadata';
import { isSameContainer } from '../buckets/erase-container.js';
import { MARKER_KEY } from '../buckets/marker.js';
import { changeBucket, requireBucket } from '../buckets/open-bucket.js';
import { callOf, type Engine, type OperationContext } from '../engine.js';
import { fromBackend, isObjectsError, ObjectsError } from '../errors.js';
import { Tally, type Counts, type JobEnd, type JobReporter } from '../moves/job-reporter.js';
import { isOutage } from '../moves/store-outage.js';
import { inParallel } from '../moves/walk.js';
import { ForeignContainerError, MarkerWatch } from '../reconciling/marker-watch.js';
import { settleKey } from '../reconciling/settle-key.js';
import { assertRecovered } from '../recovering/recovered.js';
import { targetAt } from '../target.js';
import { adoptingContainer } from './index-unknown.js';
import { readBackendKey } from './listed-keys.js';

export interface AdoptBucket {
  readonly bucketId: BucketId;
  /** Keys looked at together. */
  readonly parallel: number;
  readonly reporter: JobReporter;
  /** As last reported; undefined at the first start. */
  readonly checkpoint?: Readonly<Record<string, unknown>>;
}

const NEXT = { count: 'index', index: 'indexed', indexed: 'indexed' } as const;
const PAGE = 1_000;
const REPORT_EVERY_MS = 500;

/**
 * Indexes what lay in a container when it was taken over: counts it by the vendor's listing, then looks at each key that the index does not know, by a fresh HEAD and the one mutation (`settleKey`). A key that a client wrote or deleted meanwhile is theirs.
 * Memory is bounded by a page of the listing. Killed at any point it goes on at its checkpoint, the page it was at. What no key of Spumoni's can name is reported and stays at the vendor; what could not be looked at fails the
 * job, which can be begun again. When all is indexed, the bucket says so.
 */
export async function adoptBucket(engine: Engine, context: OperationContext, adopt: AdoptBucket): Promise<JobEnd> {
  const { value: bucket } = await requireBucket(engine, adopt.bucketId);
  assertRecovered(bucket);
  const container = adoptingContainer(bucket);
  if (!container) return { state: 'completed' };
  const backend = await engine.backends.open(container.backend);
  const run = new Adoption(engine, context, { ...adopt, bucket, container, backend });
  try {
    return await run.perform();
  } catch (error) {
    if (error instanceof ForeignContainerError) return { state: 'failed', error: error.message };
    throw fromBackend(error, backend.name);
  }
}

interface Parts extends AdoptBucket {
  readonly bucket: BucketDocument;
  readonly container: BucketContainer;
  readonly backend: ObjectBackend;
}

interface Checkpoint {
  /** What is being done, or `indexed`: every page has been. */
  readonly phase: 'count' | 'index' | 'indexed';
  readonly cursor?: string;
  readonly counts: Counts;
  /** Failures that another run might not have. */
  readonly unread: number;
}

class Adoption {
  readonly #tally: Tally;
  readonly #watch: MarkerWatch;
  #phase: Checkpoint['phase'];
  #cursor: string | undefined;
  #unread: number;
  #reportedAt: number;
  #wish: 'run' | 'pause' | 'cancel' = 'run';

  constructor(
    private readonly engine: Engine,
    private readonly context: OperationContext,
    private readonly parts: Parts,
  ) {
    const from = parts.checkpoint as Checkpoint | undefined;
    this.#tally = new Tally(from?.counts);
    this.#phase = from?.phase ?? 'count';
    this.#cursor = from?.cursor;
    this.#unread = from?.unread ?? 0;
    this.#watch = new MarkerWatch(engine, context, parts);
    this.#reportedAt = engine.clock.monotonic();
  }

  async perform(): Promise<JobEnd> {
    if (this.#phase === 'count') {
      const end = await this.#everyPage((page) => this.#count(page));
      if (end) return end;
      this.#phase = 'index';
    }
    // Killed after its last page, a run does not count all of them twice.
    if (this.#phase === 'index') {
      const end = await this.#everyPage((page) => this.#indexPage(page));
      if (end) return end;
    }
    if (this.#unread > 0)
      return {
        state: 'failed',
        error: `${this.#unread} objects could not be looked at; the first of them are listed with their reasons. Begin the adoption again to go on with them; until then reads find them, but listings do not`,
      };
    await changeBucket(this.engine, this.parts.bucketId, (current) => withIndexed(current, this.parts.container));
    return { state: 'completed' };
  }

  /** Undefined when the listing has ended. The page under way is always finished: it is what a checkpoint names. */
  async #everyPage(each: (page: ListPage) => Promise<void>): Promise<JobEnd | undefined> {
    for (;;) {
      this.context.signal?.throwIfAborted();
      await this.#watch.assertOwn();
      const page = await this.#list();
      await each(page);
      this.#cursor = page.cursor;
      await this.#report({ withCheckpoint: true, isLast: page.cursor === undefined });
      if (this.#wish !== 'run' && page.cursor !== undefined)
        return { state: this.#wish === 'pause' ? 'paused' : 'cancelled' };
      if (page.cursor === undefined) return undefined;
    }
  }

  async #list(): Promise<ListPage> {
    const { backend, container } = this.parts;
    const request = { container: container.container, include: 'current' as const, limit: PAGE };
    const at = this.#cursor === undefined ? {} : { cursor: this.#cursor };
    try {
      return await backend.list(callOf(this.context), { ...request, ...at });
    } catch (error) {
      if (this.#cursor === undefined || !isBackendError(error, 'invalid')) throw error;
      // A cursor does not last for ever: what is indexed already is passed over quickly.
      this.#cursor = undefined;
      this.#tally.restart(this.#phase === 'count');
      this.#unread = 0;
      return backend.list(callOf(this.context), request);
    }
  }

  #count(page: ListPage): Promise<void> {
    for (const entry of page.entries) if (isObject(entry)) this.#tally.expect(entry.size);
    return Promise.resolve();
  }

  async #indexPage(page: ListPage): Promise<void> {
    for (const { kind, key, reason } of page.entries)
      if (kind === 'foreign') this.#tally.failed(key, 0, `not indexed: ${reason ?? 'it is no object'}`);
    await inParallel(page.entries.filter(isObject), this.parts.parallel, async (entry) => {
      this.context.signal?.throwIfAborted();
      await this.#indexEntry(entry);
      if (this.engine.clock.monotonic() - this.#reportedAt >= REPORT_EVERY_MS) await this.#report({});
    });
  }

  async #indexEntry(entry: ListedEntry): Promise<void> {
    const read = readBackendKey(entry.key);
    if ('unindexable' in read) {
      this.#tally.failed(entry.key, entry.size, `not indexed: ${read.unindexable}`);
      return;
    }
    try {
      const reason = await this.#indexKey(read.key, entry);
      if (reason === undefined) this.#tally.done(entry.size);
      else this.#tally.failed(entry.key, entry.size, reason);
    } catch (error) {
      if (error instanceof ForeignContainerError || this.context.signal?.aborted || isLasting(error)) throw error;
      this.#unread += 1;
      this.#tally.failed(entry.key, entry.size, error instanceof Error ? error.message : String(error));
    }
  }

  /** Answers why the object cannot be indexed, if it cannot. */
  async #indexKey(key: string, entry: ListedEntry): Promise<string | undefined> {
    const { bucket, container } = this.parts;
    const found = await this.engine.index.getKey({ bucket: bucket.id, key });
    const current = found?.value.current?.placement;
    const isElsewhere = (at: typeof current): boolean =>
      isSameContainer(at ?? container, container) && at?.key !== entry.key;
    if (current) return isElsewhere(current) && entry.key !== key ? stray(key) : undefined;
    const place = { backend: container.backend, container: container.container, key: entry.key };
    const target = await targetAt(this.engine, bucket, key, place);
    const assertOwn = (): Promise<void> => this.#watch.assertOwn();
    const { finding } = await settleKey(this.engine, this.context, { target, assertOwn });
    if (finding === 'sealed') return 'not indexed: it is encrypted, and by no key that is known here';
    return finding === 'stray' ? stray(key) : undefined;
  }

  async #report(what: { withCheckpoint?: boolean; isLast?: boolean }): Promise<void> {
    this.#reportedAt = this.engine.clock.monotonic();
    this.#wish = await this.parts.reporter.report({
      counts: this.#tally.counts(),
      failures: this.#tally.takeFailures(),
      ...(what.withCheckpoint ? { checkpoint: { ...this.#checkpoint(what.isLast ?? false) } } : {}),
    });
  }

  #checkpoint(isLast: boolean): Checkpoint {
    return {
      phase: isLast ? NEXT[this.#phase] : this.#phase,
      counts: this.#tally.counts(),
      unread: this.#unread,
      ...(this.#cursor === undefined ? {} : { cursor: this.#cursor }),
    };
  }
}

function isObject(entry: ListedEntry): boolean {
  return entry.kind === 'object' && entry.key !== MARKER_KEY;
}

function stray(key: string): string {
  return `not indexed: another object stands for the key "${key}" already`;
}

/** Where going on with the next key makes no sense: the bucket takes no writes any more. */
function isLasting(error: unknown): boolean {
  return isObjectsError(error, 'bucket-not-active') || isOutage(error);
}

function withIndexed(bucket: BucketDocument, container: BucketContainer): BucketDocument | undefined {
  if (!bucket.containers.some((c) => c.adopting && isSameContainer(c, container))) return undefined;
  const settle = ({ adopting, ...rest }: BucketContainer): BucketContainer =>
    adopting && !isSameContainer(rest, container) ? { ...rest, adopting } : rest;
  return { ...bucket, containers: bucket.containers.map(settle) };
}

/** For work that needs to know all objects of a bucket. Fails with `adoption-unfinished` or `bucket-recovering`. */
export function assertIndexed(bucket: BucketDocument): void {
  assertRecovered(bucket);
  if (!bucket.containers.some((container) => container.adopting)) return;
  throw new ObjectsError(
    'adoption-unfinished',
    `bucket ${bucket.name} is still being adopted: not all of its objects are indexed yet; wait for the job, or begin it again`,
  );
}
