import type { KeyChange, ShownRecord } from './object-index.js';
import type { BucketContainer, BucketDocument, BucketId, KeyDocument, ObjectRecord } from './records.js';

/** True when sweeps have something to do for the document, so that `listPending` shows it. */
export function isPending(document: KeyDocument): boolean {
  return document.intents.length > 0 || document.garbage.length > 0 || document.lease !== undefined;
}

/** What a listing shows of a record. */
export function shownRecord({ size, etag, lastModified, tier, placement }: ObjectRecord): ShownRecord {
  const { backend, storageClass } = placement;
  const shown = { size, etag, lastModified, placement: { backend, storageClass } };
  return tier === undefined ? shown : { ...shown, tier };
}

/** True when the bucket, as it stands in the same atomic step, lets the change happen: it is active and keeps the container, as far as the change asks. */
export function allowsChange(
  bucket: BucketDocument | undefined,
  { requireActive, placedIn }: Pick<KeyChange, 'requireActive' | 'placedIn'>,
): boolean {
  if (requireActive && bucket?.state !== 'active') return false;
  return placedIn === undefined || bucket?.containers.some((entry) => keeps(entry, placedIn)) === true;
}

function keeps(entry: BucketContainer, { backend, container }: NonNullable<KeyChange['placedIn']>): boolean {
  return entry.backend === backend && entry.container === container && entry.retiring !== true;
}

/** True when `next` allows every change that `stored` does: it does not stop being active, and gives up no container. */
export function keepsAll(stored: BucketDocument, next: BucketDocument): boolean {
  if (stored.state === 'active' && next.state !== 'active') return false;
  const given = stored.containers.filter((entry) => entry.retiring !== true);
  return given.every((old) => next.containers.some((entry) => keeps(entry, old)));
}

/** Throws `TypeError` unless the id is one that every store can put before a key: not empty, well-formed, no NUL (which ends it). */
export function requireBucketId(id: BucketId): void {
  if (id === '' || id.includes('\0') || !id.isWellFormed())
    throw new TypeError('a bucket id must be well-formed, not empty and without NUL');
}

/** Throws `TypeError` when a bucket document bears another id than the one it is stored under, or a name no store can hold. */
export function requireBucketDocument(id: BucketId, next: BucketDocument): void {
  if (next.id !== id) throw new TypeError(`the document of bucket ${id} bears the id ${next.id}`);
  if (next.name === '' || !next.name.isWellFormed())
    throw new TypeError('a bucket name must be well-formed and not empty');
}

/** Throws `TypeError` when a change would rename a bucket. */
export function requireSameName(stored: BucketDocument, next: BucketDocument): void {
  if (stored.name !== next.name)
    throw new TypeError(`the name of bucket ${stored.id} is ${stored.name} and cannot become ${next.name}`);
}
