import { isBackendError, type ListPage, type ObjectBackend } from '#libs/backends';
import type { BucketContainer, BucketDocument, BucketId, KeyDocument } from '#libs/metadata';
import { assertIndexed } from '../adopting/adopt-bucket.js';
import { isSameContainer } from '../buckets/erase-container.js';
import { requireBucket } from '../buckets/open-bucket.js';
import { callOf, type Engine, type OperationContext } from '../engine.js';
import { fromBackend, isObjectsError } from '../errors.js';
import { Tally, type Counts, type JobEnd, type JobReporter } from '../moves/job-reporter.js';
import { isOutage } from '../moves/store-outage.js';
import { inParallel } from '../moves/walk.js';
import { isLive } from '../buckets/marked-containers.js';
import { everyWrite, isUnknownAndNewer } from '../recovering/every-write.js';
import { endRecovery } from '../recovering/recovered.js';
import { recoverKey, type KeyToRecover } from '../recovering/recover-key.js';
import { leaveVanished, lossOf, takeInContainers, type FoundBucket } from '../recovering/take-in.js';
import { targetAt, tokenKindAt, type Target } from '../target.js';
import { compareKeys, documentsIn, ListedPage, names, type KeyedEntry } from './listed-page.js';
import { ForeignContainerError, MarkerWatch } from './marker-watch.js';
import { Telling, type ReconcileReport } from './reconcile-report.js';
import { removeOrphan } from './remove-orphan.js';
import { settleKey, type Settled } from './settle-key.js';

export interface ReconcileBucket {
  readonly bucketId: BucketId;
  /** Keys looked at together. */
  readonly parallel: number;
  readonly reporter: JobReporter;
  /** As last reported; undefined at the first start. */
  readonly checkpoint?: Readonly<Record<string, unknown>>;
}

interface Checkpoint {
  /** Which container is being compared: `<backend id>/<container>`. */
  readonly container?: string;
  readonly cursor?: string;
  /** The index has been compared up to here. */
  readonly after?: string;
  /** All of that container has been compared. */
  readonly isCompared?: boolean;
  readonly counts: Counts;
  readonly report: ReconcileReport;
}

const PAGE = 1_000;
const REPORT_EVERY_MS = 500;

/**
 * Compares what the index says of a bucket with what its vendors list, and heals what was changed outside: new, changed and missing objects (see `Finding`). A listing only says where to look: each key that differs is looked at by a fresh HEAD and
 * the one mutation (`settleKey`), so no acknowledged write of a client's is undone; keys that are being written are left for the next run. A missing object is marked, its record stays. Of bytes it deletes only orphans of this very bucket that lie beneath
 * newer writes, or are parts of uploads that nobody knows (`removeOrphan`). A container without its marker is left alone, and fails the job. After a restore (`recovering`) it takes in containers that were made since, judges otherwise, looks at every write of containers of fresh ids as well, deletes nothing, and opens the bucket when all was looked at (ADR 14). Memory is bounded by a page; killed at any point it goes on at its checkpoint. The report is in the checkpoint, too.
 */
export async function reconcileBucket(
  engine: Engine,
  context: OperationContext,
  reconcile: ReconcileBucket,
): Promise<JobEnd> {
  const { value: bucket } = await requireBucket(engine, reconcile.bucketId);
  if (bucket.recovering === undefined) assertIndexed(bucket);
  try {
    const found =
      bucket.recovering === undefined ? { bucket, vanished: [] } : await takeInContainers(engine, context, bucket);
    const run = new Reconciliation(engine, context, reconcile, found);
    return await run.perform();
  } catch (error) {
    if (error instanceof ForeignContainerError) return { state: 'failed', error: error.message };
    throw error;
  }
}

/** One container's part of a run. */
interface Part {
  readonly container: BucketContainer;
  readonly backend: ObjectBackend;
  readonly watch: MarkerWatch;
}

class Reconciliation {
  readonly #tally: Tally;
  readonly #telling: Telling;
  #at: Pick<Checkpoint, 'container' | 'cursor' | 'after' | 'isCompared'>;
  #wish: 'run' | 'pause' | 'cancel' = 'run';
  #reportedAt: number;
  readonly #isNew: boolean;
  private readonly bucket: BucketDocument;
  readonly #isLost: KeyToRecover['isLost'];
  readonly #leave: () => Promise<void>;

  constructor(
    private readonly engine: Engine,
    private readonly context: OperationContext,
    private readonly reconcile: ReconcileBucket,
    { bucket, vanished }: FoundBucket,
  ) {
    this.bucket = bucket;
    this.#isLost = (placement) => lossOf(vanished, placement);
    this.#leave = () => leaveVanished(engine, bucket, vanished);
    const from = reconcile.checkpoint as Checkpoint | undefined;
    this.#isNew = from === undefined;
    this.#tally = new Tally(from?.counts);
    this.#telling = new Telling(from?.report);
    this.#at = from ?? {};
    this.#reportedAt = engine.clock.monotonic();
  }

  async perform(): Promise<JobEnd> {
    if (this.#isNew) await this.#count();
    const live = this.bucket.containers.filter((one) => isLive(one) && this.#isLost(one) === 'no');
    const begun = live.findIndex((container) => nameOf(container) === this.#at.container);
    for (const container of live.slice(Math.max(0, begun))) {
      if (nameOf(container) !== this.#at.container) this.#at = { container: nameOf(container) };
      if (this.#at.isCompared) continue;
      const backend = await this.engine.backends.open(container.backend);
      const watch = new MarkerWatch(this.engine, this.context, { bucket: this.bucket, container });
      const end = await this.#compare({ container, backend, watch }).catch((error: unknown) => {
        throw fromBackend(error, backend.name);
      });
      if (end) return end;
    }
    await this.#report(true);
    if (!this.#tally.hasFailures) {
      await this.#leave();
      await endRecovery(this.engine, this.bucket);
      return { state: 'completed' };
    }
    return {
      state: 'failed',
      error:
        'some keys could not be looked at; the first of them are listed with their reasons, and the next run looks again',
    };
  }

  /** What there is to compare, so that progress has a total: one walk over the index alone. */
  async #count(): Promise<void> {
    for await (const page of documentsIn(this.engine, { bucket: this.bucket.id }))
      for (const { document } of page) if (document.current) this.#tally.expect(document.current.size);
  }

  async #compare(part: Part): Promise<JobEnd | undefined> {
    await part.watch.assertOwn();
    if (tokenKindAt(this.bucket, part.container, part.backend) !== 'id') {
      const end = await this.#comparePages(part);
      if (end) return end;
    } else if (this.bucket.recovering !== undefined) await this.#findWrites(part);
    await this.#compareStretch(part, new ListedPage([]), undefined);
    // Killed after its last report, a run does not count the end of the index twice.
    this.#at = { ...this.#at, isCompared: true };
    return undefined;
  }

  /** Where every write lies under an id of its own, no listing by key says which is the newest: each is looked at. Not resumed at a checkpoint: what was found already is known by then. */
  async #findWrites(part: Part): Promise<void> {
    const { freshIds } = part.backend;
    if (!freshIds) return;
    const place = { ...part, bucket: this.bucket, freshIds };
    // An earlier run that came further than this has told them.
    const isResumed = this.#at.after !== undefined || this.#at.cursor !== undefined;
    const onDamaged = (key: string): void => {
      if (!isResumed) this.#telling.tell(key, 'damaged');
    };
    for await (const keys of everyWrite(this.context, freshIds, part.container.container, onDamaged)) {
      await part.watch.assertOwn();
      await inParallel(keys, this.reconcile.parallel, async (writes) => {
        for (const write of writes) {
          if (!(await isUnknownAndNewer(this.engine, place, write))) continue;
          const { key, token } = write.ref;
          await this.#look(part, {
            key: write.key,
            backendKey: key,
            size: 0,
            document: undefined,
            token,
            isUncounted: true,
          });
        }
      });
    }
  }

  /** Undefined when the listing has ended. The page under way is always finished: it is what a checkpoint names. */
  async #comparePages(part: Part): Promise<JobEnd | undefined> {
    for (;;) {
      this.context.signal?.throwIfAborted();
      await part.watch.assertOwn();
      const listed = await this.#list(part);
      const page = new ListedPage(listed.entries);
      for (const key of page.unnameable) this.#telling.tell(key, 'stray');
      const upTo = page.lastKey;
      if (upTo !== undefined && (this.#at.after === undefined || compareKeys(upTo, this.#at.after) > 0))
        await this.#compareStretch(part, page, upTo);
      else await this.#compareListed(part, page, new Set());
      // What lies beneath is left to a later run: nothing is deleted before all is known.
      if (this.bucket.recovering === undefined)
        await inParallel([...page.noncurrent, ...page.segments], this.reconcile.parallel, (one) =>
          this.#lookBeneath(part, one),
        );
      if (listed.cursor === undefined) return undefined;
      this.#at = { ...this.#at, cursor: listed.cursor };
      await this.#report(true);
      if (this.#wish !== 'run') return { state: this.#wish === 'pause' ? 'paused' : 'cancelled' };
    }
  }

  async #list({ backend, container }: Part): Promise<ListPage> {
    const include =
      tokenKindAt(this.bucket, container, backend) === 'version' ? ('everything' as const) : ('current' as const);
    const request = { container: container.container, include, limit: PAGE };
    const { cursor } = this.#at;
    try {
      return await backend.list(callOf(this.context), { ...request, ...(cursor === undefined ? {} : { cursor }) });
    } catch (error) {
      if (cursor === undefined || !isBackendError(error, 'invalid')) throw error;
      // A cursor does not last for ever. What was compared already is only compared once more.
      return backend.list(callOf(this.context), request);
    }
  }

  /** The index's side: every record of the stretch that the page does not show unchanged is looked at. Then what the page shows and the stretch does not have. */
  async #compareStretch(part: Part, page: ListedPage, upTo: string | undefined): Promise<void> {
    const { after } = this.#at;
    const known = new Set<string>();
    const stretch = {
      bucket: this.bucket.id,
      ...(after === undefined ? {} : { after }),
      ...(upTo === undefined ? {} : { upTo }),
    };
    for await (const documents of documentsIn(this.engine, stretch)) {
      await inParallel(documents, this.reconcile.parallel, async ({ key, document }) => {
        if (page.objects.has(key)) known.add(key);
        await this.#compareDocument(part, page, { key, document });
      });
    }
    await this.#compareListed(part, page, known);
    if (upTo !== undefined) this.#at = { ...this.#at, after: upTo };
  }

  async #compareDocument(
    part: Part,
    page: ListedPage,
    { key, document }: { key: string; document: KeyDocument },
  ): Promise<void> {
    const record = document.current;
    const isHere = record !== undefined && isSameContainer(record.placement, part.container);
    if (isHere && page.agreesWith(key, record)) {
      this.#tally.done(record.size);
      return;
    }
    if (isHere) await this.#look(part, { key, backendKey: record.placement.key, size: record.size, document });
    else if (page.objects.has(key)) await this.#lookListed(part, page, key, document);
  }

  /** The vendor's side: what the page shows and the stretch of the index did not: new keys, and those that the vendor lists in another order. */
  async #compareListed(part: Part, page: ListedPage, known: ReadonlySet<string>): Promise<void> {
    const rest = [...page.objects.keys()].filter((key) => !known.has(key));
    await inParallel(rest, this.reconcile.parallel, async (key) => {
      const document = (await this.engine.index.getKey({ bucket: this.bucket.id, key }))?.value;
      if (!document?.current || !page.agreesWith(key, document.current))
        await this.#lookListed(part, page, key, document);
    });
  }

  async #lookListed(part: Part, page: ListedPage, key: string, document: KeyDocument | undefined): Promise<void> {
    const entry = page.objects.get(key);
    if (!entry) return;
    // Of a backup's garbage nobody knows whether it was written again since, where tokens do not name a write.
    if (this.bucket.recovering === undefined && names(document, part.container, entry.token)) return;
    if (!document?.current) this.#tally.expect(entry.size);
    const counts = !document?.current;
    await this.#look(part, {
      key,
      backendKey: entry.key,
      size: counts ? entry.size : 0,
      document,
      isUncounted: !counts,
    });
  }

  /** One key by a fresh HEAD; a key that is being written is left alone. */
  async #look(
    part: Part,
    at: {
      key: string;
      backendKey: string;
      size: number;
      document: KeyDocument | undefined;
      isUncounted?: boolean;
      token?: string;
    },
  ): Promise<void> {
    const { key, backendKey, size } = at;
    const { backend, container } = part.container;
    this.context.signal?.throwIfAborted();
    try {
      const isLeft = this.bucket.recovering === undefined && (at.document?.intents.length ?? 0) > 0;
      if (isLeft) this.#telling.tell(key, 'skipped');
      else {
        const target = await targetAt(this.engine, this.bucket, key, { backend, container, key: backendKey });
        const { finding } = await this.#settle(part, target, at.token);
        if (finding !== 'same') this.#telling.tell(key, finding);
      }
      if (!at.isUncounted) this.#tally.done(size);
    } catch (error) {
      this.#bear(key, size, error);
    }
    if (this.engine.clock.monotonic() - this.#reportedAt >= REPORT_EVERY_MS) await this.#report(false);
  }

  #settle({ watch }: Part, target: Target, token: string | undefined): Promise<Settled> {
    const { recovering: since } = this.bucket;
    const assertOwn = (): Promise<void> => watch.assertOwn();
    if (since === undefined) return settleKey(this.engine, this.context, { target, assertOwn, patienceMs: 0 });
    const which = token === undefined ? {} : { token };
    return recoverKey(this.engine, this.context, { target, since, assertOwn, isLost: this.#isLost, ...which });
  }

  async #lookBeneath(part: Part, { key, entry }: KeyedEntry): Promise<void> {
    try {
      const outcome = await removeOrphan(this.engine, this.context, { ...part, bucket: this.bucket, key, entry });
      if (outcome === 'removed') this.#telling.tell(key, 'removed');
    } catch (error) {
      this.#bear(key, 0, error);
    }
  }

  /** One key's trouble is no other's; but without the marker, or once the bucket is to go, nothing more is done. */
  #bear(key: string, size: number, error: unknown): void {
    if (error instanceof ForeignContainerError || this.context.signal?.aborted) throw error;
    if (isObjectsError(error, 'bucket-not-active') || isOutage(error)) throw error;
    if (isObjectsError(error, 'busy')) {
      this.#telling.tell(key, 'skipped');
      this.#tally.done(size);
    } else this.#tally.failed(key, size, error instanceof Error ? error.message : String(error));
  }

  async #report(withCheckpoint: boolean): Promise<void> {
    this.#reportedAt = this.engine.clock.monotonic();
    const counts = this.#tally.counts();
    this.#wish = await this.reconcile.reporter.report({
      counts,
      failures: this.#tally.takeFailures(),
      ...(withCheckpoint ? { checkpoint: { ...this.#at, counts, report: this.#telling.report() } } : {}),
    });
  }
}

function nameOf({ backend, container }: BucketContainer): string {
  return `${backend}/${container}`;
}
