import { isBackendError, type ObjectBackend } from '#libs/backends';
import {
  isControlPlaneError,
  type BucketContainer,
  type BucketDocument,
  type BucketRecord,
  type ControlPlane,
} from '#libs/metadata';
import {
  callOf,
  changeBucket,
  deleteBucket,
  fromBackend,
  MARKER_KEY,
  type Engine,
  type OperationContext,
} from '#libs/objects';
import { everyItem } from '../paging.js';

/** What the repair works with. */
export interface RepairDependencies {
  readonly engine: Engine;
  readonly controlPlane: ControlPlane;
  /** How long a bucket must stand in one state, on this process's own monotonic clock, before whoever put it there is taken for dead. */
  readonly afterMs: number;
}

/** What was done to one bucket. */
export interface Repair {
  readonly bucket: string;
  readonly done: 'creation undone' | 'deletion finished' | 'row brought in line with the index' | 'name freed';
}

/** As the row and the document stood when they were first seen so. */
interface Sighting {
  readonly states: string;
  readonly since: number;
}

/**
 * Ends what a crash left of making or deleting buckets. The index's document is the truth about an active bucket; the row only reserves the name.
 *
 * Who is alive is judged as the sweeper does: a bucket must have stood in the same state for `afterMs` on this process's own monotonic clock, and every step of a live creation or deletion is bounded
 * by far less (deadlines, patience, Postgres's query limit). Nobody is trusted to be dead even so: the repair first sets `deleting` by compare-and-set, and a creator that only slept opens the bucket
 * only while it says `creating`, so one of the two fails and no acknowledged bucket is lost.
 */
export class BucketRepair {
  #sightings = new Map<string, Sighting>();

  constructor(private readonly dependencies: RepairDependencies) {}

  /** One pass over all buckets. A bucket that cannot be repaired now is told to `onFailure`, and tried again in the next. */
  async run(
    context: OperationContext,
    onFailure: (bucket: string, error: unknown) => void,
  ): Promise<readonly Repair[]> {
    const { controlPlane } = this.dependencies;
    const repairs: Repair[] = [];
    const seen = new Map<string, Sighting>();
    for await (const row of everyItem((page) => controlPlane.buckets.list(page))) {
      context.signal?.throwIfAborted();
      try {
        const done = await this.#look(context, row, seen);
        if (done) repairs.push({ bucket: row.name, done });
      } catch (error) {
        onFailure(row.name, error);
      }
    }
    this.#sightings = seen;
    return repairs;
  }

  async #look(
    context: OperationContext,
    row: BucketRecord,
    seen: Map<string, Sighting>,
  ): Promise<Repair['done'] | undefined> {
    const { engine, afterMs } = this.dependencies;
    const document = (await engine.index.getBucket(row.id))?.value;
    // A row without a document says `active` only if the index was lost: that is for an operator, not for a repair.
    const isPolicySame = row.policy === document?.policy;
    if (row.state === 'active' && (document === undefined || (document.state === 'active' && isPolicySame)))
      return undefined;
    const states = `${row.state} ${document?.state ?? 'none'} ${isPolicySame ? '' : `${row.policy ?? ''} ${document?.policy ?? ''}`}`;
    const before = this.#sightings.get(row.id);
    const now = engine.clock.monotonic();
    const sighting = before?.states === states ? before : { states, since: now };
    seen.set(row.id, sighting);
    return now - sighting.since < afterMs ? undefined : this.#repair(context, row, document);
  }

  async #repair(
    context: OperationContext,
    row: BucketRecord,
    document: BucketDocument | undefined,
  ): Promise<Repair['done']> {
    const { engine, controlPlane } = this.dependencies;
    if (document === undefined) {
      await controlPlane.buckets.delete(row.id).catch((error: unknown) => {
        if (!isControlPlaneError(error, 'not-found')) throw error;
      });
      return 'name freed';
    }
    if (document.state === 'active') {
      await controlPlane.buckets.update(row.id, { state: 'active', from: row.state, policy: document.policy ?? null });
      return 'row brought in line with the index';
    }
    if (document.state === 'creating') {
      await giveUpCreation(engine, context, document);
      await deleteBucket(engine, context, document.id);
      return 'creation undone';
    }
    await deleteBucket(engine, context, document.id);
    return 'deletion finished';
  }
}

/**
 * Closes a bucket that was never opened: from here on its creator cannot open it. Containers that turn out to be somebody else's are forgotten, the others marked as going, so that a deletion
 * that fails half-way does not open the bucket.
 */
async function giveUpCreation(engine: Engine, context: OperationContext, document: BucketDocument): Promise<void> {
  const own: BucketContainer[] = [];
  for (const container of document.containers) {
    // One that was to be adopted is somebody else's: deleting the bucket takes away its marker, if that was put, and nothing more.
    if (container.adopted) {
      own.push(container);
      continue;
    }
    const backend = await engine.backends.open(container.backend);
    if (await isOursToRemove(engine, context, { backend, container, document })) own.push(container);
  }
  await changeBucket(engine, document.id, (current) => {
    if (current.state !== 'creating') return undefined;
    const containers = own.map((container) => ({ ...container, retiring: true as const }));
    return { ...current, state: 'deleting', containers };
  });
}

/** A container that bears this bucket's marker, or nothing at all: one that was made and not yet marked. What holds anything else was made by somebody else meanwhile. */
async function isOursToRemove(
  engine: Engine,
  context: OperationContext,
  at: { backend: ObjectBackend; container: BucketContainer; document: BucketDocument },
): Promise<boolean> {
  const { backend, document } = at;
  const { container } = at.container;
  const call = callOf(context);
  try {
    const page = await backend.list(call, { container, include: 'everything', limit: 10 });
    if (page.entries.length === 0 && page.cursor === undefined) return true;
    if (page.entries.some(({ key }) => key !== MARKER_KEY)) return false;
    const { body } = await backend.get(call, { container, key: MARKER_KEY });
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    return isMarkerOf(Buffer.concat(chunks).toString('utf8'), engine.settings.deploymentId, document.id);
  } catch (error) {
    if (isBackendError(error, 'not-found')) return true;
    if (isBackendError(error, 'denied')) return false;
    throw fromBackend(error, backend.name);
  }
}

function isMarkerOf(text: string, deployment: string, bucket: string): boolean {
  try {
    const marker: unknown = JSON.parse(text);
    if (typeof marker !== 'object' || marker === null || !('deployment' in marker) || !('bucket' in marker))
      return false;
    return marker.deployment === deployment && marker.bucket === bucket;
  } catch {
    // Whatever stands there, it is no marker of ours.
    return false;
  }
}
