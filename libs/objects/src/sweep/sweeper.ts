import type { BucketDocument, KeyAddress, KeyDocument } from '#libs/metadata';
import type { Engine, OperationContext } from '../engine.js';
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
      for (const item of page) {
        context.signal?.throwIfAborted();
        report.documents += 1;
        try {
          const done = await this.#sweepKey(context, { bucket: item.bucket, key: item.key }, item.value);
          report.garbageDeleted += done.garbage;
          report.intentsSettled += done.intents;
        } catch (error) {
          report.failures.push({ key: item.key, reason: error instanceof Error ? error.message : String(error) });
        }
      }
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
  ): Promise<{ garbage: number; intents: number }> {
    const bucket = (await this.engine.index.getBucket(address.bucket))?.value;
    // What a backup calls garbage may have been written again since; nothing is deleted before that is known.
    if (!bucket || bucket.recovering !== undefined) return { garbage: 0, intents: 0 };
    let intents = 0;
    for (const intent of document.intents) {
      if (!intent.fenced && !this.#watch.isDead(address, intent.writeId, intent.heartbeat)) continue;
      const { writeId, heartbeat } = intent;
      if (await settleDeadIntent(this.engine, context, { bucket, address, writeId, heartbeat })) intents += 1;
    }
    await breakDeadLease(this.engine, address, document);
    const garbage = await collectGarbage(this.engine, context, { bucket, address });
    return { garbage, intents };
  }
}
