import { isBackendError, type ListedEntry, type ObjectBackend } from '#libs/backends';
import type { BucketContainer, BucketDocument } from '#libs/metadata';
import { callOf, type Engine, type OperationContext } from '../engine.js';
import { isTiedTo } from '../mutation/write-ids.js';
import { names } from './listed-page.js';
import type { MarkerWatch } from './marker-watch.js';

/** A version beneath the newest of its key, or a part of an upload. */
export interface Beneath {
  readonly bucket: BucketDocument;
  readonly container: BucketContainer;
  readonly backend: ObjectBackend;
  readonly watch: MarkerWatch;
  readonly key: string;
  readonly entry: ListedEntry;
}

/**
 * Deletes, by token, a version that a writer of this very bucket and key sent and that nothing names: a request that reached the vendor after its writer had died and its intent was settled, or a part of an upload that came after the backup from which the bucket was restored. Everything else stays: versions of others, from before the container was
 * taken over, and those that bear a stamp made for another bucket or key, as a copy does.
 *
 * No record can come to name it: an intent is there before any byte is sent, so bytes that are there (the HEAD) while the document, read afterwards, has neither their intent nor names them have had their intent settled. It must be older than the grace and than any
 * writer's silence besides.
 */
export async function removeOrphan(
  engine: Engine,
  context: OperationContext,
  beneath: Beneath,
): Promise<'removed' | 'kept'> {
  const { bucket, container, backend, key, entry } = beneath;
  const { graceMs, deadAfterMs } = engine.settings;
  const oldEnough = engine.clock.now() - graceMs - deadAfterMs;
  if (entry.lastModified === undefined || entry.lastModified.getTime() > oldEnough) return 'kept';
  const address = { bucket: bucket.id, key };
  if (names((await engine.index.getKey(address))?.value, container, entry.token)) return 'kept';
  const place = { container: container.container, key: entry.key, token: entry.token };
  const head = await backend.head(callOf(context), place).catch((error: unknown) => {
    if (isBackendError(error, 'not-found')) return undefined;
    throw error;
  });
  if (!head || !isTiedTo(address, head.writeId)) return 'kept';
  const document = (await engine.index.getKey(address))?.value;
  if (names(document, container, entry.token) || (document?.intents.length ?? 0) > 0) return 'kept';
  await beneath.watch.assertOwn();
  return (await backend.delete(callOf(context), place)) === 'deleted' ? 'removed' : 'kept';
}
