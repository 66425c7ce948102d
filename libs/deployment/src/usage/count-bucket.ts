import type { BucketCount, BucketDocument, ConfigurationSnapshot, ObjectRecord, StoredShare } from '#libs/metadata';
import { vendorOf } from '#libs/naming';
import type { Engine } from '#libs/objects';
import { findStorageClass } from '#libs/tiering';

const PAGE = 1_000;

type Share = { -readonly [K in keyof StoredShare]: StoredShare[K] };

/**
 * Counts what a bucket holds by one walk through its part of the index: right for each key at the moment the walk passes it. After each page it rests as long as the page took, so that it never
 * takes more than half a core. What readers can have is counted; missing objects, garbage in its grace and writes under way are not.
 */
export async function countBucket(
  engine: Engine,
  snapshot: ConfigurationSnapshot,
  bucket: BucketDocument,
  signal?: AbortSignal,
): Promise<BucketCount> {
  const { index, clock } = engine;
  const shares = new Map<string, Share>();
  let after: string | undefined;
  for (;;) {
    signal?.throwIfAborted();
    const began = clock.monotonic();
    const page = await index.scan(bucket.id, { limit: PAGE, ...(after === undefined ? {} : { after }) });
    for (const { document } of page) if (document.current) addTo(shares, document.current, snapshot);
    after = page.at(-1)?.key;
    if (after === undefined || page.length < PAGE) break;
    await clock.sleep(Math.max(1, clock.monotonic() - began), signal);
  }
  const { id, name, ownerId, home } = bucket;
  return { bucket: { id, name, ownerId, home }, shares: [...shares.values()], countedAt: clock.now() };
}

function addTo(shares: Map<string, Share>, record: ObjectRecord, snapshot: ConfigurationSnapshot): void {
  if (record.missing) return;
  const { tier = '', size, placement } = record;
  const { backend, storageClass } = placement;
  const key = JSON.stringify([backend, tier, storageClass]);
  let share = shares.get(key);
  if (!share) shares.set(key, (share = { backend, tier, storageClass, objects: 0, bytes: 0, billedBytes: 0 }));
  share.objects += 1;
  share.bytes += size;
  share.billedBytes += Math.max(size, leastBilled(snapshot, backend, storageClass));
}

function leastBilled({ backendById }: ConfigurationSnapshot, backend: string, storageClass: string): number {
  const found = backendById.get(backend);
  return found ? (findStorageClass(vendorOf(found.type, found.profile), storageClass)?.minimumBytes ?? 0) : 0;
}
