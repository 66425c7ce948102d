import type { ObjectBackend } from '#libs/backends';
import type { BucketDocument, BucketId, KeyAddress, KeyDocument } from '#libs/metadata';
import { assertOwnContainer } from '../buckets/marker.js';
import type { Engine, OperationContext } from '../engine.js';
import { inParallel } from '../moves/walk.js';
import { DeathWatch } from './death-watch.js';
import { settleDeadIntent } from './dead-intents.js';
import { breakDeadLease } from './dead-leases.js';
import { collectGarbage } from './garbage.js';

export interface SweepReport {
  readonly documents: number;
  readonly garbageDeleted: number;
  readonly intentsSettled: number;
  /** Keys that could not be dealt with now, each with its reason; the next sweep tries again. */
  readonly failures: readonly { readonly key: string; readonly reason: string }[];
}

const PAGE = 500;
/** A deletion waits for its vendor and for the index several times: one key after the other, garbage would come faster than it goes. */
const KEYS_AT_ONCE = 16;
/** So long is believed in a container's marker that was seen: one look for many deletions. */
const BELIEVED_MS = 5_000;

/**
 * Ends what dead writers left and deletes garbage whose grace is over, by token (DESIGN section 5, The sweeper).
 * A writer is dead only when its heartbeat stood still for `deadAfterMs` on this sweeper's own monotonic clock, so a sweeper must live that long before it fences anybody.
 * One sweeper object remembers between runs what it saw; any number may run at once.
 */
export class Sweeper {
  readonly #watch: DeathWatch;

  constructor(private readonly engine: Engine) {
    this.#watch = new DeathWatch(engine.clock, engine.settings.deadAfterMs);
  }

  /** Goes once through everything pending. A failure at one key never keeps the others waiting. */
  async run(context: OperationContext, options: { bucket?: BucketDocument } = {}): Promise<SweepReport> {
    const report = {
      documents: 0,
      garbageDeleted: 0,
      intentsSettled: 0,
      failures: [] as { key: string; reason: string }[],
    };
    let after: KeyAddress | undefined;
    for (;;) {
      const page = await this.engine.index.listPending({
        limit: PAGE,
        ...(after ? { after } : {}),
        ...(options.bucket ? { bucket: options.bucket.id } : {}),
      });
      const tools = new PageTools(this.engine);
      await inParallel(page, KEYS_AT_ONCE, async (item) => {
        context.signal?.throwIfAborted();
        report.documents += 1;
        try {
          const done = await this.#sweepKey(context, { bucket: item.bucket, key: item.key }, item.value, tools);
          report.garbageDeleted += done.garbage;
          report.intentsSettled += done.intents;
        } catch (error) {
          report.failures.push({ key: item.key, reason: error instanceof Error ? error.message : String(error) });
        }
      });
      const last = page.at(-1);
      if (!last || page.length < PAGE) break;
      after = { bucket: last.bucket, key: last.key };
    }
    this.#watch.forgetUnseen();
    return report;
  }

  async #sweepKey(
    context: OperationContext,
    address: KeyAddress,
    document: KeyDocument,
    tools: PageTools,
  ): Promise<{ garbage: number; intents: number }> {
    const now = this.engine.clock.now();
    const hasDue = document.garbage.some(({ notBefore }) => notBefore <= now);
    if (!hasDue && document.intents.length === 0 && !document.lease) return { garbage: 0, intents: 0 };
    const bucket = await tools.bucket(address.bucket);
    // What a backup calls garbage may have been written again since; nothing is deleted before that is known.
    if (!bucket || bucket.recovering !== undefined) return { garbage: 0, intents: 0 };
    let intents = 0;
    for (const intent of document.intents) {
      if (!intent.fenced && !this.#watch.isDead(address, intent.writeId, intent.heartbeat)) continue;
      const { writeId, heartbeat } = intent;
      if (await settleDeadIntent(this.engine, context, { bucket, address, writeId, heartbeat })) intents += 1;
    }
    await breakDeadLease(this.engine, address, document);
    const garbage = await collectGarbage(this.engine, context, { bucket, address, assertOwn: tools.assertOwn });
    return { garbage, intents };
  }
}

/** What the keys of one page need alike is asked for once. */
class PageTools {
  readonly #buckets = new Map<BucketId, Promise<BucketDocument | undefined>>();
  readonly #looks = new Map<ObjectBackend, Map<string, Look>>();

  constructor(private readonly engine: Engine) {}

  bucket(id: BucketId): Promise<BucketDocument | undefined> {
    const asked = this.#buckets.get(id) ?? this.engine.index.getBucket(id).then((found) => found?.value);
    this.#buckets.set(id, asked);
    return asked;
  }

  /** As `assertOwnContainer`; what it found is believed for a few seconds. An endpoint that is configured anew is a new backend here, and asked anew. */
  readonly assertOwn: typeof assertOwnContainer = (engine, call, backend, place) => {
    const looks = this.#looks.get(backend) ?? new Map<string, Look>();
    this.#looks.set(backend, looks);
    const name = `${place.bucket.id}/${place.container}`;
    const now = engine.clock.monotonic();
    const last = looks.get(name);
    if (last && now - last.at < BELIEVED_MS) return last.verdict;
    const verdict = assertOwnContainer(engine, call, backend, place);
    looks.set(name, { at: now, verdict });
    return verdict;
  };
}

/** Whose a container was found to be. */
interface Look {
  readonly at: number;
  readonly verdict: Promise<void>;
}
