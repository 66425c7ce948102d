import type { BucketDocument, EventType, ObjectRecord } from '#libs/metadata';

/** What a change of a key's record is to whoever watches; undefined where nothing that they could see has changed. */
export function objectEvent(before: ObjectRecord | null, after: ObjectRecord | null): EventType | undefined {
  if (!after) return before ? 'object.removed' : undefined;
  if (!before) return 'object.created';
  if (before.etag !== after.etag || before.size !== after.size) return 'object.replaced';
  // Moves and changes of class leave the time as it was; a write of the same content does not, nor does a change of attributes.
  if (before.lastModified === after.lastModified) {
    if (before.placement.backend !== after.placement.backend) return 'object.migrated';
    if (before.placement.storageClass !== after.placement.storageClass || before.tier !== after.tier)
      return 'object.tier-changed';
    return undefined;
  }
  return attributesOf(before) === attributesOf(after) ? 'object.replaced' : 'object.changed';
}

function attributesOf({ headers, metadata, tags }: ObjectRecord): string {
  return JSON.stringify([headers, metadata, tags]);
}

/** Likewise of a bucket. */
export function bucketEvent(before: BucketDocument, after: BucketDocument | null): EventType | undefined {
  if (!after) return 'bucket.deleted';
  if (before.state === 'creating' && after.state === 'active') return 'bucket.created';
  if (before.home !== after.home) return 'bucket.migrated';
  return before.policy === after.policy ? undefined : 'bucket.tier-changed';
}

/** What an event says of an object: nothing of its content, metadata or tags. */
export function shownRecord(record: ObjectRecord, backendName: (id: string) => string): Record<string, unknown> {
  const { size, etag, tier, lastModified, placement } = record;
  return {
    ...{ size, etag, tier: tier ?? null },
    storageClass: placement.storageClass,
    backend: backendName(placement.backend),
    lastModified: new Date(lastModified).toISOString(),
  };
}
