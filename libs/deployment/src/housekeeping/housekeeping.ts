import { isControlPlaneError, type BucketContainer, type BucketDocument, type ControlPlane } from '#libs/metadata';
import {
  examineFreshIds,
  removeRetired,
  Sweeper,
  type Clock,
  type Engine,
  type OperationContext,
  type SweepReport,
} from '#libs/objects';
import type { Logger } from '../deployment.js';
import { nextRunAt, type StoredLifecycles } from '../lifecycles/stored-lifecycles.js';
import type { StoredTakeovers } from '../takeovers/stored-takeovers.js';
import type { StoredUploads } from '../uploads/stored-uploads.js';
import { everyItem } from '../paging.js';
import { BucketRepair, type Repair } from './repair-buckets.js';

/** What a round works with. */
export interface HousekeepingDependencies {
  readonly engine: Engine;
  readonly controlPlane: ControlPlane;
  readonly lifecycles: StoredLifecycles;
  readonly takeovers: StoredTakeovers;
  readonly uploads: Pick<StoredUploads, 'expire'>;
  readonly lifecycleEveryMs: number;
  /** See `BucketRepair`. */
  readonly repairAfterMs: number;
  /** How long records of the audit log are kept. */
  readonly auditKeptMs: number;
  /** How long events are kept, and deliveries that nobody took. */
  readonly eventsKeptMs: number;
  readonly logger: Logger;
}

/** What one round did. */
export interface HousekeepingReport {
  readonly sweep: SweepReport;
  /** Writes of dead processes that nothing named, deleted. */
  readonly unnamedDeleted: number;
  readonly containersRemoved: number;
  readonly repairs: readonly Repair[];
  readonly lifecycleRuns: number;
  /** Uploads that had expired, or of which something was left. */
  readonly uploadsEnded: number;
  /** Records of the audit log that were older than they are kept. */
  readonly auditPruned: number;
  /** Parts that could not be done now, each with its reason; the next round tries again. */
  readonly failures: readonly { readonly what: string; readonly reason: string }[];
}

const PAGE = 500;
const PRUNED_A_ROUND = 10_000;

function actorOf(signal: AbortSignal | undefined): OperationContext {
  const actor = { userId: '', isAdmin: true };
  return { requestId: 'housekeeping', actor, ...(signal ? { signal } : {}) };
}

/**
 * What has to be done again and again: sweep; look for what dead processes left on backends of fresh ids; remove containers that migrations have emptied; repair buckets that a crash left between
 * states; begin lifecycle runs that are due. Each part is safe at any time, in any number of processes at once, and one that fails keeps no other from its turn.
 */
export class Housekeeping {
  readonly #sweeper: Sweeper;
  readonly #repair: BucketRepair;
  readonly #clock: Clock;

  constructor(private readonly dependencies: HousekeepingDependencies) {
    const { engine, controlPlane, repairAfterMs } = dependencies;
    this.#sweeper = new Sweeper(engine);
    this.#repair = new BucketRepair({ engine, controlPlane, afterMs: repairAfterMs });
    this.#clock = engine.clock;
  }

  /** One round. Rejects only if the signal aborts or the sweep itself cannot read the index. */
  async run(signal?: AbortSignal): Promise<HousekeepingReport> {
    const { logger } = this.dependencies;
    const context = actorOf(signal);
    const failures: { what: string; reason: string }[] = [];
    const onFailure = (what: string, error: unknown): void => {
      signal?.throwIfAborted();
      logger.warn({ what, error }, 'housekeeping could not do a part');
      failures.push({ what, reason: error instanceof Error ? error.message : String(error) });
    };
    const attempt = async <T>(what: string, work: () => Promise<T>, otherwise: T): Promise<T> => {
      signal?.throwIfAborted();
      return work().catch((error: unknown) => {
        onFailure(what, error);
        return otherwise;
      });
    };
    const sweep = await this.#sweeper.run(context);
    const tidied = await attempt('containers', () => this.#tidyContainers(context, onFailure), {
      unnamed: 0,
      removed: 0,
    });
    const repairs = await attempt(
      'buckets',
      () => this.#repair.run(context, (name, error) => onFailure(`bucket ${name}`, error)),
      [],
    );
    const lifecycleRuns = await attempt('lifecycle runs', () => this.#beginDueRuns(), 0);
    const uploadsEnded = await attempt('uploads', () => this.dependencies.uploads.expire(context, PAGE), 0);
    await attempt('events', () => this.#pruneEvents(), 0);
    const auditPruned = await attempt('audit log', () => this.#pruneAudit(), 0);
    return {
      sweep,
      unnamedDeleted: tidied.unnamed,
      containersRemoved: tidied.removed,
      repairs,
      lifecycleRuns,
      uploadsEnded,
      auditPruned,
      failures,
    };
  }

  async #tidyContainers(
    context: OperationContext,
    onFailure: (what: string, error: unknown) => void,
  ): Promise<{ unnamed: number; removed: number }> {
    const sums = { unnamed: 0, removed: 0 };
    for await (const bucket of this.#buckets()) {
      context.signal?.throwIfAborted();
      // One that is being made or deleted belongs to whoever does it, or to the repair.
      if (bucket.state !== 'active') continue;
      // An outage of one backend, or whatever is the matter with one container, must not keep the others of the bucket.
      const onContainer = ({ container }: BucketContainer, error: unknown): void =>
        onFailure(`container ${container} of bucket ${bucket.name}`, error);
      try {
        await this.dependencies.takeovers.beginDue(bucket);
        // Until what was written after the backup is found again, it is named nowhere.
        if (bucket.recovering !== undefined) continue;
        sums.unnamed += await this.#deleteUnnamed(context, bucket, onContainer);
        sums.removed += await removeRetired(this.dependencies.engine, context, bucket, onContainer);
      } catch (error) {
        onFailure(`containers of bucket ${bucket.name}`, error);
      }
    }
    return sums;
  }

  async #deleteUnnamed(
    context: OperationContext,
    bucket: BucketDocument,
    onFailure: (container: BucketContainer, error: unknown) => void,
  ): Promise<number> {
    const { engine } = this.dependencies;
    let deleted = 0;
    for (const container of bucket.containers) {
      try {
        const backend = await engine.backends.open(container.backend);
        if (backend.freshIds) deleted += await examineFreshIds(engine, context, { bucket, container, backend });
      } catch (error) {
        onFailure(container, error);
      }
    }
    return deleted;
  }

  async *#buckets(): AsyncGenerator<BucketDocument> {
    const { index } = this.dependencies.engine;
    let after: string | undefined;
    for (;;) {
      const page = await index.listBuckets({ limit: PAGE, ...(after === undefined ? {} : { after }) });
      yield* page;
      after = page.at(-1)?.name;
      if (after === undefined || page.length < PAGE) return;
    }
  }

  #pruneEvents(): Promise<number> {
    return this.dependencies.controlPlane.events.prune(this.#clock.now() - this.dependencies.eventsKeptMs);
  }

  /** Bounded: what is left over is the next round's. The log says itself that it was shortened. */
  async #pruneAudit(): Promise<number> {
    const { audit } = this.dependencies.controlPlane;
    const now = this.#clock.now();
    const pruned = await audit.prune(now - this.dependencies.auditKeptMs, PRUNED_A_ROUND);
    if (pruned > 0) {
      const details = { records: pruned };
      await audit.append([
        { at: now, actor: 'system', action: 'pruneAudit', resource: '/admin/v1/audit', result: 'done', details },
      ]);
    }
    return pruned;
  }

  async #beginDueRuns(): Promise<number> {
    const { controlPlane, lifecycles, lifecycleEveryMs } = this.dependencies;
    let begun = 0;
    for await (const record of everyItem((page) => controlPlane.lifecycles.list(page))) {
      if (record.rules.length === 0 || nextRunAt(record, lifecycleEveryMs) > this.#clock.now()) continue;
      try {
        await lifecycles.begin(record.bucketId);
        begun += 1;
      } catch (error) {
        // The bucket went between the list and now, and its rules with it.
        if (!isControlPlaneError(error, 'not-found')) throw error;
      }
    }
    return begun;
  }
}
