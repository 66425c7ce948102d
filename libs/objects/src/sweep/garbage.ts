import type { BucketDocument, Garbage, KeyAddress, Placement, WriteId } from '#libs/metadata';
import { assertOwnContainer } from '../buckets/marker.js';
import { callOf, type Engine, type OperationContext } from '../engine.js';
import { ObjectsError } from '../errors.js';
import { changeKey } from '../mutation/change-key.js';
import { isSameContainer } from '../buckets/erase-container.js';
import { keepAlive } from '../mutation/heartbeat.js';
import { findIntent, isSamePlace, withoutGarbage, withoutIntent } from '../mutation/key-changes.js';
import { placementRef } from '../mutation/standing.js';
import { tokenKindAt } from '../target.js';
import { entriesOfKey } from './leftovers.js';

export interface KeyOfBucket {
  readonly bucket: BucketDocument;
  readonly address: KeyAddress;
  /** Nobody can be reading it: do not wait for the grace. */
  readonly graceOver?: true;
  /** How to look whose a container is; at each piece, if absent. */
  readonly assertOwn?: typeof assertOwnContainer;
}

/**
 * Deletes, by token, the garbage of one key whose grace is over, and then takes it out of the document, many pieces at once; killed in between, they are deleted once more, which finds nothing.
 * Answers how many were deleted. The first piece that fails ends it, once those before it are forgotten.
 */
export async function collectGarbage(engine: Engine, context: OperationContext, at: KeyOfBucket): Promise<number> {
  const found = await engine.index.getKey(at.address);
  const now = engine.clock.now();
  const due = found?.value.garbage.filter((item) => at.graceOver ?? item.notBefore <= now) ?? [];
  let deleted = 0;
  for (let next = 0; next < due.length; next += FORGOTTEN_AT_ONCE)
    deleted += await collectSome(engine, context, at, due.slice(next, next + FORGOTTEN_AT_ONCE));
  return deleted;
}

/** To take each piece out by itself would write a document of n pieces n times. */
const FORGOTTEN_AT_ONCE = 64;

async function collectSome(
  engine: Engine,
  context: OperationContext,
  at: KeyOfBucket,
  items: readonly Garbage[],
): Promise<number> {
  const gone: Placement[] = [];
  let weak = 0;
  const collectEach = async (): Promise<void> => {
    for (const item of items) {
      context.signal?.throwIfAborted();
      const how = await collect(engine, context, at, item);
      if (how === 'gone') gone.push(item.placement);
      if (how === 'gone and forgotten') weak += 1;
    }
  };
  const [end] = await Promise.allSettled([collectEach()]);
  if (gone.length > 0) await forgetGarbage(engine, at, gone);
  if (end.status === 'rejected') throw end.reason;
  return gone.length + weak;
}

async function collect(
  engine: Engine,
  context: OperationContext,
  at: KeyOfBucket,
  item: Garbage,
): Promise<'gone' | 'gone and forgotten' | 'kept'> {
  const { placement } = item;
  if (!(await stillHas(engine, at, placement))) return 'gone';
  const backend = await engine.backends.open(placement.backend);
  if (tokenKindAt(at.bucket, placement, backend) === 'none')
    return (await collectWeak(engine, context, at, item)) ? 'gone and forgotten' : 'kept';
  await (at.assertOwn ?? assertOwnContainer)(engine, callOf(context), backend, {
    container: placement.container,
    backendId: placement.backend,
    bucket: at.bucket,
  });
  await concealOlder(engine, context, at, placement);
  await backend.delete(callOf(context), placementRef(placement));
  await engine.reach('garbage-deleted', at.address.key);
  return 'gone';
}

/**
 * A container that was taken over may hold older versions that no record ever named. Deleting the newest by its token would bring the one beneath back to light, for the vendor's own tools and for reconciling: a deleted object would
 * come back with old bytes. It is covered by the vendor's delete marker first. Where something newer stands, nothing would come to light.
 */
async function concealOlder(
  engine: Engine,
  context: OperationContext,
  at: KeyOfBucket,
  placement: Placement,
): Promise<void> {
  const container = at.bucket.containers.find((c) => isSameContainer(c, placement));
  const backend = await engine.backends.open(placement.backend);
  if (!container?.adopted || !backend.conceal) return;
  const document = (await engine.index.getKey(at.address))?.value;
  if (document?.current && isSamePlace(document.current.placement, placement)) return;
  let stands = false;
  let hasOlder = false;
  for await (const entry of entriesOfKey(context, {
    backend,
    container: placement.container,
    backendKey: placement.key,
  })) {
    stands ||= entry.kind === 'object' && entry.token === placement.token;
    hasOlder ||= entry.kind === 'noncurrent' && entry.token !== placement.token;
  }
  if (stands && hasOlder) await backend.conceal(callOf(context), placement.container, placement.key);
}

function forgetGarbage(engine: Engine, at: KeyOfBucket, placements: readonly Placement[]): Promise<true> {
  return changeKey<true>(engine, at.address, { requireActive: false }, (document) => ({
    next: placements.reduce(withoutGarbage, document),
    then: true,
  }));
}

/** A container leaves its bucket's document only when it has gone from the vendor, empty: what was to be deleted there is gone too. */
async function stillHas(engine: Engine, { bucket }: KeyOfBucket, placement: Placement): Promise<boolean> {
  const has = ({ containers }: BucketDocument): boolean =>
    containers.some((c) => c.backend === placement.backend && c.container === placement.container);
  if (has(bucket)) return true;
  const newest = await engine.index.getBucket(bucket.id);
  return newest === undefined || has(newest.value);
}

/**
 * On a weak container nothing names a write, so the bytes at the key may be another write's by now. They go only under the key's lease, and only while no record and no intent is at that place.
 * The lease is an intent's; here the sweeper takes it by an intent of its own, which nobody can commit, and keeps it alive, so that no other sweeper ends it half-way.
 */
async function collectWeak(
  engine: Engine,
  context: OperationContext,
  at: KeyOfBucket,
  item: Garbage,
): Promise<boolean> {
  const holder = engine.newWriteId();
  const candidate = {
    size: 0,
    etag: '',
    checksums: {},
    headers: {},
    metadata: {},
    tags: {},
    lastModified: 0,
    placement: { ...item.placement, token: '', writeId: holder },
  };
  const verdict = await changeKey<'leased' | 'replaced' | 'busy'>(
    engine,
    at.address,
    { requireActive: false },
    (document) => {
      if (document.lease ?? document.intents[0]) return { done: 'busy' };
      if (document.current && isSamePlace(document.current.placement, item.placement)) {
        return { next: withoutGarbage(document, item.placement), then: 'replaced' };
      }
      const intent = {
        writeId: holder,
        kind: 'heal' as const,
        candidate,
        baseRevision: document.revision,
        heartbeat: 0,
      };
      return { next: { ...document, intents: [intent], lease: { holder, heartbeat: 0 } }, then: 'leased' };
    },
  );
  if (verdict === 'busy') throw new ObjectsError('busy', 'the key is being changed; its garbage waits');
  if (verdict === 'replaced') return false;
  await deleteLeased(engine, context, at, { placement: item.placement, holder });
  await changeKey(engine, at.address, { requireActive: false }, (document) => {
    if (!findIntent(document, holder)) return { done: undefined };
    const cleared = withoutIntent(document, holder);
    return { next: withoutGarbage(cleared, item.placement), then: undefined };
  });
  return true;
}

async function deleteLeased(
  engine: Engine,
  context: OperationContext,
  at: KeyOfBucket,
  { placement, holder }: { placement: Placement; holder: WriteId },
): Promise<void> {
  const life = keepAlive(engine, at.address, holder, context.signal);
  try {
    const call = callOf({ requestId: context.requestId, signal: life.signal });
    const backend = await engine.backends.open(placement.backend);
    await assertOwnContainer(engine, call, backend, {
      container: placement.container,
      backendId: placement.backend,
      bucket: at.bucket,
    });
    await concealOlder(engine, context, at, placement);
    await backend.delete(call, placementRef(placement));
  } finally {
    life.stop();
  }
}
