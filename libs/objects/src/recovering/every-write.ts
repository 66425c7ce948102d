import type { DamagedWrite, FreshIds, ObjectBackend, ObjectRef } from '#libs/backends';
import type { BucketContainer, BucketDocument, WriteId } from '#libs/metadata';
import { isSameContainer } from '../buckets/erase-container.js';
import { MARKER_KEY } from '../buckets/marker.js';
import { readBackendKey } from '../adopting/listed-keys.js';
import { callOf, type Engine, type OperationContext } from '../engine.js';
import { changeKey } from '../mutation/change-key.js';
import { withGarbage } from '../mutation/key-changes.js';
import { isTiedTo } from '../mutation/write-ids.js';
import { isRecovering } from './recovered.js';
import { SEGMENT_PREFIX } from '../uploads/segment-keys.js';

/** A write that lies under an id of its own, of a key that Spumoni can name. */
export interface WriteOfKey {
  readonly key: string;
  readonly ref: ObjectRef;
  readonly writeId?: string;
}

const BATCH = 500;

/**
 * Every finished write in a container of fresh ids, in batches, the writes of one key together. One pass over the container, in the memory of a batch. What cannot be read is told by its key, where that can be,
 * else by its token.
 */
export async function* everyWrite(
  context: OperationContext,
  freshIds: FreshIds,
  container: string,
  onDamaged: (name: string) => void,
): AsyncGenerator<readonly (readonly WriteOfKey[])[]> {
  let batch = new Map<string, WriteOfKey[]>();
  let count = 0;
  for await (const found of freshIds.everyWrite(callOf(context), container)) {
    context.signal?.throwIfAborted();
    if ('damaged' in found) {
      if (!found.key?.startsWith(SEGMENT_PREFIX)) onDamaged(nameOfDamaged(found));
      continue;
    }
    const { ref, writeId } = found;
    const read = isSegment(ref) ? { key: ref.key } : readBackendKey(ref.key);
    if (ref.key === MARKER_KEY || 'unindexable' in read) continue;
    const write = { key: read.key, ref, ...(writeId === undefined ? {} : { writeId }) };
    batch.set(read.key, [...(batch.get(read.key) ?? []), write]);
    count += 1;
    if (count < BATCH) continue;
    yield [...batch.values()];
    batch = new Map();
    count = 0;
  }
  yield [...batch.values()];
}

function nameOfDamaged({ damaged, key }: DamagedWrite): string {
  const read = key === undefined ? undefined : readBackendKey(key);
  return read && 'key' in read ? read.key : (key ?? damaged);
}

/** A part of an upload. */
function isSegment({ key }: Pick<ObjectRef, 'key'>): boolean {
  return key.startsWith(SEGMENT_PREFIX);
}

/** Where a write was found. */
export interface PlaceOfWrite {
  readonly bucket: BucketDocument;
  readonly container: BucketContainer;
  readonly backend: ObjectBackend;
  readonly freshIds: FreshIds;
}

/**
 * True for a write that its key's document does not know and that came after the record's: it is worth a look. One that is older than the record and was sent for this very key is named as garbage, since a newer was acknowledged: else it would lie
 * there for ever. So is a part of an upload: the backup's uploads do not know it.
 */
export async function isUnknownAndNewer(engine: Engine, place: PlaceOfWrite, write: WriteOfKey): Promise<boolean> {
  const address = { bucket: place.bucket.id, key: write.key };
  const document = (await engine.index.getKey(address))?.value;
  const { token } = write.ref;
  const current = document?.current?.placement;
  const isKnown = [current, ...(document?.garbage ?? []).map((item) => item.placement)].some(
    (placement) => placement?.token === token && isSameContainer(placement, place.container),
  );
  if (isKnown) return false;
  if (isSegment(write.ref)) {
    if (isTiedTo(address, write.writeId)) await nameAsGarbage(engine, place, write);
    return false;
  }
  if (!current || !isSameContainer(current, place.container)) return true;
  if (place.freshIds.isNewer(token, current.token)) return true;
  if (isTiedTo(address, write.writeId)) await nameAsGarbage(engine, place, write);
  return false;
}

async function nameAsGarbage(
  engine: Engine,
  { bucket, container, backend }: PlaceOfWrite,
  write: WriteOfKey,
): Promise<void> {
  const placement = {
    backend: container.backend,
    container: container.container,
    key: write.ref.key,
    storageClass: backend.capabilities.storageClasses[0] ?? '',
    token: write.ref.token,
    writeId: write.writeId as WriteId,
  };
  // Once the bucket is open, it may be of a write that is under way.
  if (!(await isRecovering(engine, bucket.id))) return;
  const notBefore = engine.clock.now() + engine.settings.graceMs;
  await changeKey(engine, { bucket: bucket.id, key: write.key }, { requireActive: true }, (document) => ({
    next: withGarbage(document, { placement, notBefore }),
    then: undefined,
  }));
}
