import { keepsAll, requireBucketDocument, requireSameName } from '../document-rules.js';
import type { ChangeResult } from '../object-index.js';
import type { BucketDocument, BucketId } from '../records.js';
import type { Announcement, HeldBucket, Steps } from './steps.js';

/**
 * Changes a bucket's document (the port's `changeBucket`). One operation, unless it narrows what the bucket allows: then it is announced, every permit given out before is taken away, and it is made.
 * Until then every reader sees the bucket as it was, so a narrowing happens at one instant, after which no change that it forbids is made (ADR 8).
 */
export async function changeBucket(
  steps: Steps,
  id: BucketId,
  expected: number | null,
  next: BucketDocument | undefined,
): Promise<ChangeResult> {
  if (next !== undefined) requireBucketDocument(id, next);
  for (;;) {
    const held = await steps.buckets.read(id);
    if ((held?.version ?? null) !== expected) return 'version-conflict';
    if (held === undefined) {
      if (next === undefined) return 'changed';
      return (await steps.buckets.insert(next)) ? 'changed' : 'version-conflict';
    }
    if (next !== undefined) requireSameName(held.document, next);
    if (held.announced !== undefined) await settleOthers(steps, id, held.announced);
    else {
      const result = await changeHeld(steps, held, next);
      if (result !== undefined) return result;
    }
  }
}

/** Undefined: another change came between. */
async function changeHeld(
  steps: Steps,
  { version, document }: HeldBucket,
  next: BucketDocument | undefined,
): Promise<ChangeResult | undefined> {
  if (next !== undefined && keepsAll(document, next))
    return (await steps.buckets.replace(version, next)) ? 'changed' : undefined;
  const announcement = { id: steps.newId(), next };
  if (!(await steps.buckets.announce(document.id, version, announcement))) return undefined;
  if (next === undefined) return remove(steps, document.id, announcement);
  await completeNarrowing(steps, document.id, announcement);
  return 'changed';
}

/** Takes away every permit given out before the announcement and makes the change. Anybody may: it is never taken back. */
export async function completeNarrowing(steps: Steps, id: BucketId, announcement: Announcement): Promise<void> {
  await revokeAll(steps, id);
  await steps.buckets.complete(id, announcement);
}

async function remove(steps: Steps, id: BucketId, removal: Announcement): Promise<ChangeResult | undefined> {
  await revokeAll(steps, id);
  if (await steps.keys.holdsKeys(id)) {
    await steps.buckets.withdraw(id, removal);
    return 'version-conflict';
  }
  return (await steps.buckets.complete(id, removal)) ? 'changed' : undefined;
}

async function revokeAll(steps: Steps, id: BucketId): Promise<void> {
  for (const found of await steps.keys.permitsOf(id)) await steps.keys.revoke(found);
}

/** Another's narrowing is completed, another's removal waited for, and ended if its owner seems to have died. */
async function settleOthers(steps: Steps, id: BucketId, announced: Announcement): Promise<void> {
  if (announced.next !== undefined) return completeNarrowing(steps, id, announced);
  return outwaitRemoval(steps, id, announced);
}

/** A removal may yet turn out to be none, because the bucket holds keys: only its owner may complete it, anybody may end it. */
export async function outwaitRemoval(steps: Steps, id: BucketId, removal: Announcement): Promise<void> {
  for (let round = 0; round < steps.patience; round += 1) {
    const held = await steps.buckets.read(id);
    if (held?.announced?.id !== removal.id) return;
    await steps.pause(round);
  }
  await steps.buckets.withdraw(id, removal);
}
