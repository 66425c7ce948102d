import { isBackendError, type ObjectBody, type ObjectRef } from '#libs/backends';
import { IndexError, type BucketDocument, type BucketId, type Placement, type Sealing } from '#libs/metadata';
import { NO_ATTRIBUTES, stamped } from '../attributes.js';
import { checkBody } from '../content/checked-body.js';
import { callOf, type Engine, type OperationContext } from '../engine.js';
import { fromBackend, ObjectsError, ownCause } from '../errors.js';
import { changeKey } from '../mutation/change-key.js';
import { decideLater } from '../mutation/decide-later.js';
import { disown } from '../mutation/disown.js';
import { keepAlive } from '../mutation/heartbeat.js';
import { closeIntent, openIntent } from '../mutation/intents.js';
import { findIntent, withGarbage, withoutIntent } from '../mutation/key-changes.js';
import { isIndefinite, isIndexRefusal } from '../mutation/mutate.js';
import { recordOf, type Mutation } from '../mutation/mutation.js';
import { discardBytes, placementRef } from '../mutation/standing.js';
import { newWriteIdFor } from '../mutation/write-ids.js';
import { sealedReading } from '../reading/plain-transfer.js';
import { documentsIn } from '../reconciling/listed-page.js';
import { rewrapped, wantsSealing } from '../sealing/sealings.js';
import { damaged } from '../sealing/unseal.js';
import { collectGarbage } from '../sweep/garbage.js';
import { targetOf, type Target } from '../target.js';
import { assertTakesWrites, candidateAt } from '../writing/candidate.js';
import { outgoingTo } from '../writing/outgoing.js';
import { verifiedAgainst } from '../writing/verify.js';
import { SEGMENT_PREFIX } from './segment-keys.js';

/** A stretch of an upload that is under way, stored at the vendor under a key of Spumoni's own. Sealed where the bucket is encrypted. */
export interface Segment {
  /** The key of its document in the index, under `SEGMENT_PREFIX`. */
  readonly key: string;
  /** Of the plain bytes. */
  readonly size: number;
  /** MD5 of the plain bytes, in hex. */
  readonly md5: string;
  readonly placement: Placement;
  readonly sealing?: Sealing;
}

/** What a segment is of. */
export interface NewSegment {
  readonly bucket: BucketDocument;
  /** Id of the upload. */
  readonly upload: string;
  readonly body: ObjectBody;
  /** Milliseconds since the epoch: from then on the sweeper deletes it, whatever has become of its upload. */
  readonly keepUntil: number;
}

/**
 * Stores a segment durably at the bucket's home, under a key of its own. It is named by the index as garbage that is not due yet: so no listing, read, count or migration sees it, and nothing has to be remembered for it to go,
 * with its time or with its bucket. Until then its writer's intent is a mover's: bytes of a writer that died are deleted, never adopted.
 * Fails as a write does; then nothing of it stays, or a sweeper removes it.
 */
export async function writeSegment(engine: Engine, context: OperationContext, wish: NewSegment): Promise<Segment> {
  assertTakesWrites(wish.bucket);
  const key = `${SEGMENT_PREFIX}${wish.upload}/${engine.randomHex(8)}`;
  const target = await targetOf(engine, wish.bucket, key, wish.bucket.home);
  const mutation = mutationFor(engine, context, target, wish);
  const placement =
    target.tokens === 'id'
      ? await sendFresh(engine, context, mutation, wish.keepUntil)
      : await sendByIntent(engine, context, mutation, wish.keepUntil);
  const content = mutation.content();
  if (!content) throw new Error('a segment was stored before its body had ended');
  const { size, etag: md5, sealed } = content;
  const segment = { key, size, md5, placement, ...(sealed ? { sealing: sealed.sealing } : {}) };
  // A rotation of the master key that began and ended while the bytes came must not pass it by.
  return rewrappedSegment(engine, wish.bucket.id, segment) ?? segment;
}

/** Without a storage class: the container's default, for it is to be read again soon. */
function mutationFor(engine: Engine, context: OperationContext, target: Target, wish: NewSegment): Mutation {
  const outgoing = outgoingTo(engine, target, wantsSealing(wish.bucket));
  const { sealing } = outgoing;
  const writeId = newWriteIdFor(engine, target.address);
  const { body, content } = outgoing.of(checkBody(wish.body, {}));
  const size = outgoing.sizeOf(wish.body instanceof Uint8Array ? wish.body.byteLength : undefined);
  return {
    target,
    kind: 'move',
    writeId,
    candidate: candidateAt(target, {
      writeId,
      attributes: NO_ATTRIBUTES,
      chosen: {},
      now: engine.clock.now(),
      ...(sealing ? { sealing } : {}),
    }),
    content,
    send: async ({ signal }) => {
      const result = await target.backend.put(callOf({ requestId: context.requestId, signal }), {
        container: target.container,
        key: target.backendKey,
        body,
        attributes: stamped(NO_ATTRIBUTES, { writeId, sealing }),
        ...(size === undefined ? {} : { size }),
      });
      return verifiedAgainst(target, result, content());
    },
  };
}

const NEVER = new AbortController().signal;

async function sendFresh(
  engine: Engine,
  context: OperationContext,
  mutation: Mutation,
  notBefore: number,
): Promise<Placement> {
  const { target } = mutation;
  const result = await mutation.send({ signal: context.signal ?? NEVER }).catch((error: unknown) => {
    throw fromBackend(error, target.backend.name);
  });
  const { placement } = recordOf(mutation, result);
  await engine.reach('bytes-sent', target.address.key);
  try {
    await changeKey(engine, target.address, { requireActive: true, placedIn: placement }, (document) => ({
      next: withGarbage(document, { placement, notBefore }),
      then: undefined,
    }));
  } catch (error) {
    if (error instanceof IndexError && !isIndexRefusal(error)) decideLater(engine, target, placement);
    else await withdraw(context, target, placementRef(placement));
    throw error;
  }
  target.backend.freshIds?.settle(placementRef(placement));
  await engine.reach('committed', target.address.key);
  return placement;
}

async function withdraw(context: OperationContext, target: Target, ref: ObjectRef): Promise<void> {
  await discardBytes(target.backend, context, ref).catch((error: unknown) => {
    throw fromBackend(error, target.backend.name);
  });
  target.backend.freshIds?.settle(ref);
}

async function sendByIntent(
  engine: Engine,
  context: OperationContext,
  mutation: Mutation,
  notBefore: number,
): Promise<Placement> {
  const { target, writeId } = mutation;
  await openIntent(engine, context, mutation);
  const life = keepAlive(engine, target.address, writeId, context.signal);
  try {
    await engine.reach('intent-recorded', target.address.key);
    const result = await mutation.send({ signal: life.signal }).catch(async (error: unknown) => {
      // Where the vendor may still get the bytes, the intent stays for the sweeper.
      if (!isIndefinite(error)) await closeIntent(engine, target.address, writeId);
      throw fromBackend(error, target.backend.name);
    });
    await engine.reach('bytes-sent', target.address.key);
    const record = recordOf(mutation, result);
    const { placement } = record;
    const isMine = await changeKey(engine, target.address, { requireActive: true, placedIn: placement }, (document) => {
      const mine = findIntent(document, writeId);
      if (!mine || mine.fenced) return { done: false };
      return { next: withGarbage(withoutIntent(document, writeId), { placement, notBefore }), then: true };
    });
    if (!isMine) {
      // They may have come after the sweeper had looked for them: then nothing names them but this.
      await disown(engine, context, mutation, record);
      throw fenced();
    }
    await engine.reach('committed', target.address.key);
    return placement;
  } finally {
    life.stop();
  }
}

function fenced(): ObjectsError {
  return new ObjectsError('busy', 'the write stood still for so long that it was taken for dead; send it again', {
    retryAfterSeconds: 1,
  });
}

/** The plain bytes of segments, one after another, each compared with the MD5 and size that it was stored with. May be kept: no chunk is used again. */
export async function* readSegments(
  engine: Engine,
  context: OperationContext,
  bucket: BucketId,
  segments: readonly Segment[],
): AsyncGenerator<Uint8Array> {
  for (const segment of segments) yield* readSegment(engine, context, bucket, segment);
}

async function* readSegment(
  engine: Engine,
  context: OperationContext,
  bucket: BucketId,
  { key, placement, sealing, size, md5 }: Segment,
): AsyncGenerator<Uint8Array> {
  const backend = await engine.backends.open(placement.backend);
  try {
    const answer = await backend.get(callOf(context), placementRef(placement));
    const reading = sealing && sealedReading(engine, { address: { bucket, key }, sealing, size });
    const { body } = reading ? await reading.plain(answer) : answer;
    const checked = checkBody(body, { size, md5: Buffer.from(md5, 'hex').toString('base64') }).body;
    if (checked instanceof Uint8Array) yield checked;
    else yield* checked;
  } catch (error) {
    if (isBackendError(error, 'not-found') || isBackendError(error, 'precondition'))
      throw damaged(`a part of the upload lies no more at ${backend.name}`);
    throw fromBackend(error, backend.name);
  }
}

/** Deletes a segment's bytes now. Says nothing if they are gone. What fails is tried again when the segment's time is over. */
export async function dropSegment(
  engine: Engine,
  context: OperationContext,
  bucket: BucketDocument,
  { key }: Pick<Segment, 'key'>,
): Promise<void> {
  await collectGarbage(engine, context, { bucket, address: { bucket: bucket.id, key }, graceOver: true });
}

/** The same for all segments of an upload that takes no more, also for one that was stored by a process that died before anybody was told of it. */
export async function dropSegments(
  engine: Engine,
  context: OperationContext,
  bucket: BucketDocument,
  upload: string,
): Promise<void> {
  const prefix = `${SEGMENT_PREFIX}${upload}/`;
  // What follows the prefix is hexadecimal.
  for await (const page of documentsIn(engine, { bucket: bucket.id, after: prefix, upTo: `${prefix}g` }))
    for (const { key } of page) await dropSegment(engine, context, bucket, { key });
}

/** The segment with its data key under the master key that is current now; undefined if it is so already, or there is none. */
export function rewrappedSegment(engine: Engine, bucket: BucketId, segment: Segment): Segment | undefined {
  const { sealing, key } = segment;
  if (!sealing || engine.dataKeys.isCurrent(sealing.key)) return undefined;
  return { ...segment, sealing: rewrapped(engine, sealing, { bucket, key }, { bucket, key }) };
}

/** True if a body failed for a reason of its own, so that trying again would fail again. */
export function isOwnFailure(error: unknown): boolean {
  return isBackendError(error) && ownCause(error) !== undefined;
}
