import type { BucketDocument, KeyDocument, ObjectRecord } from '#libs/metadata';
import { indexUnknown } from '../adopting/index-unknown.js';
import { assertAttributes, attributesOf, type UserAttributes } from '../attributes.js';
import type { Engine, OperationContext } from '../engine.js';
import { ObjectsError } from '../errors.js';
import { isCurrentWrite } from '../mutation/key-changes.js';
import { changedMeanwhile, mutate } from '../mutation/mutate.js';
import type { Outcome, SendOptions } from '../mutation/mutation.js';
import { newWriteIdFor } from '../mutation/write-ids.js';
import { assertReadConditions, writeGuard, type Conditions } from '../reading/conditions.js';
import { requireRecord } from '../reading/records.js';
import { wantsSealing } from '../sealing/sealings.js';
import { targetOf } from '../target.js';
import { assertObjectKey, assertTakesWrites, candidateAt } from './candidate.js';
import { removeObject } from './remove-object.js';
import { restampObject } from './restamp-object.js';
import { chooseClass, classElsewhere } from './storage-class.js';
import { transferOf } from './transfer.js';
import { withinQuota } from './within-quota.js';

export interface ObjectPlace {
  readonly bucket: BucketDocument;
  readonly key: string;
}

export interface CopyObject {
  readonly source: ObjectPlace & { readonly conditions?: Conditions };
  readonly destination: ObjectPlace & { readonly conditions?: Conditions };
  /** Parts that are given replace the source's; the others are carried over. */
  readonly attributes?: Partial<UserAttributes>;
  /** A tier's name or a class of the destination's vendor. Absent: the source's tier, as that vendor maps it. */
  readonly storageClass?: string;
}

/**
 * Copies an object, within a backend on the server side, between backends streamed and verified. Metadata, headers, tags and tier go with it.
 * The source stays as it is. Fails as a read of the source and as a put of the destination do.
 */
export async function copyObject(engine: Engine, context: OperationContext, copy: CopyObject): Promise<Outcome> {
  const { source, destination } = copy;
  assertTakesWrites(destination.bucket);
  assertObjectKey(destination.key);
  const isOntoItself = source.bucket.id === destination.bucket.id && source.key === destination.key;
  const record = await requireRecord(engine, source.bucket, source.key);
  const isAtHome = record.placement.backend === destination.bucket.home;
  const isAsWanted = (record.sealing !== undefined) === wantsSealing(destination.bucket, record);
  if (isOntoItself && isAtHome && isAsWanted) return restampInstead(engine, context, copy, record);
  if (source.conditions) assertCopyConditions(() => assertReadConditions(record, source.conditions ?? {}));
  if (record.missing) throw new ObjectsError('object-missing', "the source's bytes are missing at its backend");
  const target = await targetOf(engine, destination.bucket, destination.key, destination.bucket.home);
  await indexUnknown(engine, context, destination.bucket, destination.key);
  const attributes = { ...attributesOf(record), ...copy.attributes };
  const way = transferOf(engine, context, { source: { ...source, record }, target, isMove: isOntoItself });
  assertAttributes(attributes, target.backend.vendor, way.sealing);
  const chosen =
    copy.storageClass === undefined
      ? await classElsewhere(engine, destination.bucket, target.backend, record)
      : await chooseClass(engine, destination.bucket, target.backend, copy.storageClass);
  const writeId = newWriteIdFor(engine, target.address);
  const conditional = writeGuard(destination.conditions);
  // Onto itself it is a change of attributes: bytes that came meanwhile must not be undone by older ones.
  const guard = isOntoItself ? stillCurrent(record, conditional) : conditional;
  const { storageClass } = chosen;
  const { bucket, key } = destination;
  const write = {
    target,
    // What takes the place of its own source must be adopted if its writer dies: there is nothing else to go back to.
    kind: isOntoItself && !isAtHome ? ('move' as const) : ('copy' as const),
    writeId,
    candidate: candidateAt(target, {
      writeId,
      attributes,
      chosen,
      now: engine.clock.now(),
      content: record,
      ...(way.sealing ? { sealing: way.sealing } : {}),
    }),
    ...(guard ? { guard } : {}),
    content: () => way.content(),
    send: (options: SendOptions) =>
      way.send(options, { writeId, attributes, ...(storageClass === undefined ? {} : { storageClass }) }),
  };
  return withinQuota(engine, { bucket, key, size: record.size }, () => mutate(engine, context, write));
}

/** A copy onto itself sends no bytes: it is a change of attributes, made only if the object is still what the copy would have read. */
async function restampInstead(
  engine: Engine,
  context: OperationContext,
  copy: CopyObject,
  record: ObjectRecord,
): Promise<Outcome> {
  const { source, destination } = copy;
  if (source.conditions) assertCopyConditions(() => assertReadConditions(record, source.conditions ?? {}));
  return restampObject(engine, context, {
    bucket: destination.bucket,
    key: destination.key,
    attributes: copy.attributes ?? {},
    ...(copy.storageClass === undefined ? {} : { storageClass: copy.storageClass }),
    guard: stillCurrent(record, writeGuard(destination.conditions)),
  });
}

function stillCurrent(record: ObjectRecord, conditional: Guard | undefined): Guard {
  return (document) => {
    conditional?.(document);
    if (!isCurrentWrite(document, record.placement.writeId)) throw changedMeanwhile();
  };
}

type Guard = (document: KeyDocument) => void;

/** A copy whose source condition does not hold is a failed precondition, also where a read would be told `not-modified` (S3 CopyObject). */
function assertCopyConditions(check: () => void): void {
  try {
    check();
  } catch (error) {
    throw new ObjectsError('precondition-failed', "the condition on the copy's source does not hold", { cause: error });
  }
}

/** Copies, then deletes the source if it is still what was copied; else the newer source stays and the rename fails with `changed-meanwhile`, the copy kept. */
export async function renameObject(engine: Engine, context: OperationContext, copy: CopyObject): Promise<Outcome> {
  if (copy.source.bucket.id === copy.destination.bucket.id && copy.source.key === copy.destination.key) {
    throw new ObjectsError('invalid-request', 'an object cannot be renamed to itself');
  }
  const { bucket, key, conditions } = copy.source;
  const record = await requireRecord(engine, bucket, key);
  // Here, on the record that is to go: neither the copy nor the deletion must ask them of another.
  if (conditions) assertCopyConditions(() => assertReadConditions(record, conditions));
  const source = { bucket, key, conditions: { ifMatch: [record.etag] } };
  const outcome = await copyObject(engine, context, { ...copy, source });
  await removeObject(engine, context, {
    bucket,
    key,
    guard: (document) => {
      if (document.current && !isCurrentWrite(document, record.placement.writeId)) throw changedMeanwhile();
    },
  });
  return outcome;
}
