import type { BucketDocument, KeyDocument, ObjectRecord } from '#libs/metadata';
import { sealOf } from '../attributes.js';
import { assertOwnContainer } from '../buckets/marker.js';
import { requireBucket } from '../buckets/open-bucket.js';
import { callOf, type Engine, type OperationContext } from '../engine.js';
import { fromBackend } from '../errors.js';
import { changeKey } from '../mutation/change-key.js';
import { commit, isCurrentWrite, isSamePlace } from '../mutation/key-changes.js';
import { pause } from '../mutation/intents.js';
import { headStanding } from '../mutation/standing.js';
import { currentlyWrapped } from '../sealing/sealings.js';
import { writeIdOf } from '../mutation/write-ids.js';
import { contentStanding, type Standing } from './standing-content.js';
import { targetAt, type Target } from '../target.js';

export interface Mismatch {
  readonly bucket: BucketDocument;
  readonly key: string;
  /** The record whose bytes were not where it says. */
  readonly seen: ObjectRecord;
}

/**
 * Called when the bytes that a record names stand there no more. Waits for a write in progress at that place; if there is none, makes the record that of what the backend holds,
 * or marks the object missing. Returns when the key is worth reading again. Never acts on a container without its marker.
 */
export async function reconcileKey(engine: Engine, context: OperationContext, mismatch: Mismatch): Promise<void> {
  const { bucket, key, seen } = mismatch;
  const until = engine.clock.monotonic() + engine.settings.patienceMs;
  for (;;) {
    const found = await engine.index.getKey({ bucket: bucket.id, key });
    if (
      !found ||
      !isCurrentWrite(found.value, seen.placement.writeId) ||
      found.value.current?.placement.token !== seen.placement.token
    )
      return;
    const isBusy = found.value.intents.some((intent) => isSamePlace(intent.candidate.placement, seen.placement));
    if (!isBusy) break;
    await pause(engine, until, 'a write of this key is under way', context.signal);
  }
  const { value: newest } = await requireBucket(engine, bucket.id);
  const target = await targetAt(engine, newest, key, seen.placement);
  await assertOwnContainer(engine, callOf(context), target.backend, {
    container: target.container,
    backendId: target.backendId,
    bucket: newest,
  });
  await settleRecord(engine, context, target, seen);
}

async function settleRecord(
  engine: Engine,
  context: OperationContext,
  target: Target,
  seen: ObjectRecord,
): Promise<void> {
  const healed = target.tokens === 'id' ? undefined : await standingRecord(engine, context, target, seen);
  await changeKey(engine, target.address, { requireActive: false }, (document) => {
    if (!isCurrentWrite(document, seen.placement.writeId) || document.intents.length > 0) return { done: undefined };
    const isGarbage = document.garbage.some((item) => item.placement.writeId === healed?.placement.writeId);
    if (!healed || isGarbage) return { next: { ...document, current: { ...seen, missing: true } }, then: undefined };
    return { next: heal(engine, document, healed, target), then: undefined };
  });
}

async function standingRecord(
  engine: Engine,
  context: OperationContext,
  target: Target,
  { sealing }: ObjectRecord,
): Promise<ObjectRecord | undefined> {
  try {
    const head = await headStanding(target, context);
    return head && (await recordFromHead(engine, context, { target, head, ...(sealing ? { known: sealing } : {}) }));
  } catch (error) {
    throw fromBackend(error, target.backend.name);
  }
}

function heal(engine: Engine, document: KeyDocument, record: ObjectRecord, target: Target): KeyDocument {
  return commit(document, {
    record: currentlyWrapped(engine, target.address, record),
    coexist: target.coexist,
    garbageFrom: engine.clock.now() + engine.settings.graceMs,
  });
}

/** The record of what stands at a place; undefined where that is sealed and opens with no key of this object's (see `contentStanding`). */
export async function recordFromHead(
  engine: Engine,
  context: Pick<OperationContext, 'requestId'>,
  standing: Standing,
): Promise<ObjectRecord | undefined> {
  const { target, head } = standing;
  const place = { container: head.container, key: head.key, token: head.token };
  const call = { requestId: context.requestId };
  const tags = head.tags ?? (await target.backend.head(call, { ...place, withTags: true })).tags;
  const content = await contentStanding(engine, context, standing);
  if (!content) return undefined;
  return currentlyWrapped(engine, target.address, {
    ...content,
    checksums: {},
    headers: head.headers,
    metadata: sealOf(head.metadata).metadata,
    tags: tags ?? {},
    lastModified: head.lastModified.getTime(),
    placement: {
      backend: target.backendId,
      container: head.container,
      key: head.key,
      storageClass: head.storageClass,
      token: head.token,
      writeId: writeIdOf(head),
    },
  });
}
