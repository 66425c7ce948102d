import type { BucketDocument, KeyDocument, ObjectRecord, Sealing } from '#libs/metadata';
import { assertAttributes, attributesOf, stamped, type UserAttributes } from '../attributes.js';
import { callOf, type Engine, type OperationContext } from '../engine.js';
import { ObjectsError } from '../errors.js';
import { isCurrentWrite } from '../mutation/key-changes.js';
import { changedMeanwhile, mutate } from '../mutation/mutate.js';
import type { Content, Mutation, Outcome } from '../mutation/mutation.js';
import { placementRef } from '../mutation/standing.js';
import { newWriteIdFor } from '../mutation/write-ids.js';
import { writeGuard, type Conditions } from '../reading/conditions.js';
import { requireRecord } from '../reading/records.js';
import { sealedSize } from '../sealing/layout.js';
import { rewrapped } from '../sealing/sealings.js';
import { assertAsked, targetAt } from '../target.js';
import { candidateAt } from './candidate.js';
import { chooseClass, type ChosenClass } from './storage-class.js';

export interface RestampObject {
  readonly bucket: BucketDocument;
  readonly key: string;
  /** Parts that are given replace the object's; the others stay. */
  readonly attributes?: Partial<UserAttributes>;
  /** A tier's name or a class of the vendor that the object lies on. */
  readonly storageClass?: string;
  /** In place of `storageClass`: what the bucket's policy gives at the backend that the object lies on. */
  readonly asBucket?: true;
  readonly conditions?: Conditions;
  /** Refuses by throwing, for callers that decided on a record they saw. */
  readonly guard?: (document: KeyDocument) => void;
}

/**
 * Changes an object's metadata, headers, tags or storage class where it lies. Its bytes and ETag stay; `lastModified` stays too when only the class changes.
 * Fails with `no-such-key`, with `changed-meanwhile` if a newer write came between, or with what the vendor refuses.
 */
export async function restampObject(
  engine: Engine,
  context: OperationContext,
  restamp: RestampObject,
): Promise<Outcome> {
  const current = await requireRecord(engine, restamp.bucket, restamp.key);
  const target = await targetAt(engine, restamp.bucket, restamp.key, current.placement);
  assertAsked(target.backend);
  const attributes = { ...attributesOf(current), ...restamp.attributes };
  const { address } = target;
  const sealing = current.sealing && rewrapped(engine, current.sealing, address, address);
  assertAttributes(attributes, target.backend.vendor, sealing);
  const chosen: ChosenClass =
    restamp.storageClass === undefined && !restamp.asBucket
      ? keptClass(current)
      : await chooseClass(engine, restamp.bucket, target.backend, restamp.storageClass);
  const conditional = writeGuard(restamp.conditions);
  const writeId = newWriteIdFor(engine, target.address);
  const now = restamp.attributes ? engine.clock.now() : current.lastModified;
  const mutation: Mutation = {
    target,
    kind: 'restamp',
    writeId,
    candidate: candidateAt(target, {
      writeId,
      attributes,
      chosen,
      now,
      content: current,
      ...(sealing ? { sealing } : {}),
    }),
    guard: (document) => {
      conditional?.(document);
      restamp.guard?.(document);
      if (!isCurrentWrite(document, current.placement.writeId)) throw changedMeanwhile();
    },
    content: () => contentOf(current, sealing),
    send: ({ signal }) =>
      target.backend.restamp(
        callOf({ requestId: context.requestId, signal }),
        placementRef(current.placement),
        stamped(attributes, { writeId, storageClass: chosen.storageClass, sealing }),
      ),
  };
  if (current.missing)
    throw new ObjectsError(
      'object-missing',
      "the object's bytes are missing at its backend; nothing can be changed about them",
    );
  return mutate(engine, context, mutation);
}

/** The tier and class that an object has already. */
export function keptClass({ tier, ownTier, placement }: ObjectRecord): ChosenClass {
  return {
    storageClass: placement.storageClass,
    ...(tier === undefined ? {} : { tier }),
    ...(ownTier ? { own: true } : {}),
  };
}

/** The content of a record whose bytes lie, or will lie, at a backend as they are now: sealed with that key, or plain. */
export function contentOf(record: ObjectRecord, sealing?: Sealing): Content {
  const { size, etag, checksums } = record;
  if (!sealing) return { size, etag, checksums };
  const stored = { size: sealedSize(size), ...(sealing.md5 === undefined ? {} : { md5: sealing.md5 }) };
  return { size, etag, checksums, sealed: { sealing, stored } };
}
