import { limitsOf } from '#libs/naming';
import type { ObjectBody } from '#libs/backends';
import type { BucketDocument, WriteId } from '#libs/metadata';
import { indexUnknown } from '../adopting/index-unknown.js';
import { assertAttributes, stamped, type UserAttributes } from '../attributes.js';
import { checkBody, type Expectations } from '../content/checked-body.js';
import { callOf, type Engine, type OperationContext } from '../engine.js';
import { ObjectsError } from '../errors.js';
import { EMPTY } from '../mutation/key-changes.js';
import { mutate } from '../mutation/mutate.js';
import type { Outcome } from '../mutation/mutation.js';
import { newWriteIdFor } from '../mutation/write-ids.js';
import { writeGuard, type Conditions } from '../reading/conditions.js';
import { wantsSealing } from '../sealing/sealings.js';
import { targetOf } from '../target.js';
import { assertObjectKey, assertTakesWrites, candidateAt } from './candidate.js';
import { chooseClass } from './storage-class.js';
import { outgoingTo } from './outgoing.js';
import { verifiedAgainst } from './verify.js';
import { cutAtQuota, withinQuota } from './within-quota.js';

export interface PutObject {
  readonly bucket: BucketDocument;
  readonly key: string;
  readonly body: ObjectBody;
  readonly expected: Expectations;
  readonly attributes: UserAttributes;
  /** A tier's name or a class of the home vendor. */
  readonly storageClass?: string;
  readonly conditions?: Conditions;
  /** By `newWriteIdFor`, for whoever must be able to find out later what became of this very write. */
  readonly writeId?: WriteId;
}

/** A put whose bytes are yet to come. */
export type PutToCome = Pick<PutObject, 'bucket' | 'key' | 'attributes' | 'storageClass' | 'conditions'> & {
  readonly size: number;
};

/** Fails as the put would, as far as that can be told without its bytes; quotas are not asked. */
export async function checkPut(engine: Engine, context: OperationContext, put: PutToCome): Promise<void> {
  assertTakesWrites(put.bucket);
  assertObjectKey(put.key);
  const target = await targetOf(engine, put.bucket, put.key, put.bucket.home);
  const outgoing = outgoingTo(engine, target, wantsSealing(put.bucket));
  assertAttributes(put.attributes, target.backend.vendor, outgoing.sealing);
  assertSize(outgoing.sizeOf(put.size), target.backend.vendor);
  await chooseClass(engine, put.bucket, target.backend, put.storageClass);
  const guard = writeGuard(put.conditions);
  if (!guard) return;
  await indexUnknown(engine, context, put.bucket, put.key);
  guard((await engine.index.getKey(target.address))?.value ?? EMPTY);
}

/**
 * Stores an object at the bucket's home, replacing what is at the key. 0 bytes to the vendor's limit, in constant memory.
 * Fails before any byte is sent with `invalid-key`, `invalid-metadata`, `invalid-tags`, `invalid-storage-class`, `too-large`, `quota-exceeded` or `precondition-failed`.
 */
export async function putObject(engine: Engine, context: OperationContext, put: PutObject): Promise<Outcome> {
  assertTakesWrites(put.bucket);
  assertObjectKey(put.key);
  const { bucket, key } = put;
  const size = put.body instanceof Uint8Array ? put.body.byteLength : put.expected.size;
  return withinQuota(engine, { bucket, key, size }, (take) =>
    store(engine, context, { ...put, body: cutAtQuota(put.body, take) }),
  );
}

async function store(engine: Engine, context: OperationContext, put: PutObject): Promise<Outcome> {
  const target = await targetOf(engine, put.bucket, put.key, put.bucket.home);
  const outgoing = outgoingTo(engine, target, wantsSealing(put.bucket));
  const { sealing } = outgoing;
  assertAttributes(put.attributes, target.backend.vendor, sealing);
  const size = outgoing.sizeOf(put.body instanceof Uint8Array ? put.body.byteLength : put.expected.size);
  assertSize(size, target.backend.vendor);
  const chosen = await chooseClass(engine, put.bucket, target.backend, put.storageClass);
  const writeId = put.writeId ?? newWriteIdFor(engine, target.address);
  const { body, content } = outgoing.of(checkBody(put.body, put.expected));
  await indexUnknown(engine, context, put.bucket, put.key);
  const guard = writeGuard(put.conditions);
  return mutate(engine, context, {
    target,
    kind: 'put',
    writeId,
    candidate: candidateAt(target, {
      writeId,
      attributes: put.attributes,
      chosen,
      now: engine.clock.now(),
      ...(sealing ? { sealing } : {}),
    }),
    ...(guard ? { guard } : {}),
    content,
    send: async ({ signal, condition }) => {
      const result = await target.backend.put(callOf({ requestId: context.requestId, signal }), {
        container: target.container,
        key: target.backendKey,
        body,
        attributes: stamped(put.attributes, { writeId, storageClass: chosen.storageClass, sealing }),
        ...(size === undefined ? {} : { size }),
        ...(condition ? { condition } : {}),
      });
      return verifiedAgainst(target, result, content());
    },
  });
}

function assertSize(size: number | undefined, vendor: Parameters<typeof limitsOf>[0]): void {
  const { maxObjectBytes } = limitsOf(vendor);
  if (size !== undefined && size > maxObjectBytes) {
    throw new ObjectsError(
      'too-large',
      `the body is stored as ${size} bytes; ${vendor} takes objects of at most ${maxObjectBytes}`,
      { facts: { maxObjectBytes } },
    );
  }
}
