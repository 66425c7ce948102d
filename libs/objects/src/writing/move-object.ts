import type { BucketDocument, KeyDocument, ObjectRecord } from '#libs/metadata';
import { assertAttributes, attributesOf } from '../attributes.js';
import type { Engine, OperationContext } from '../engine.js';
import { ObjectsError } from '../errors.js';
import { isCurrentWrite } from '../mutation/key-changes.js';
import { changedMeanwhile, mutate } from '../mutation/mutate.js';
import { newWriteIdFor } from '../mutation/write-ids.js';
import { requireRecord } from '../reading/records.js';
import { targetOf } from '../target.js';
import { candidateAt } from './candidate.js';
import { chooseClass, classElsewhere } from './storage-class.js';
import { transferOf } from './transfer.js';

export interface MoveObject {
  readonly bucket: BucketDocument;
  readonly key: string;
  /** Id of the backend to move to; the bucket must have a container there. */
  readonly to: string;
  /** A tier's name or a class of the destination's vendor. Absent: the object's own tier, as that vendor maps it. */
  readonly storageClass?: string;
  /** How much longer than the grace the source's bytes stay, in milliseconds. */
  readonly keepSourceMs?: number;
  /** Refuses by throwing, for callers that decided on a record they saw. */
  readonly guard?: (document: KeyDocument) => void;
}

/**
 * Moves an object to another backend: copy, verify, switch, delete, in that order (invariant 4). The switch is the mutation's commit; the source goes by token after the grace.
 * Key, ETag, `lastModified`, metadata, headers and tags stay. Any write of a client that comes between wins: the move then fails with `changed-meanwhile` and leaves nothing behind.
 */
export async function moveObject(engine: Engine, context: OperationContext, move: MoveObject): Promise<ObjectRecord> {
  const record = await requireRecord(engine, move.bucket, move.key);
  if (record.missing)
    throw new ObjectsError('object-missing', "the object's bytes are missing at its backend; it cannot be moved");
  if (record.placement.backend === move.to) return record;
  const target = await targetOf(engine, move.bucket, move.key, move.to);
  const attributes = attributesOf(record);
  const source = { bucket: move.bucket, key: move.key, record };
  const way = transferOf(engine, context, { source, target, isMove: true });
  assertAttributes(attributes, target.backend.vendor, way.sealing);
  const chosen =
    move.storageClass === undefined
      ? await classElsewhere(engine, move.bucket, target.backend, record)
      : await chooseClass(engine, move.bucket, target.backend, move.storageClass);
  const writeId = newWriteIdFor(engine, target.address);
  const { storageClass } = chosen;
  const outcome = await mutate(engine, context, {
    target,
    kind: 'move',
    writeId,
    candidate: candidateAt(target, {
      writeId,
      attributes,
      chosen,
      now: record.lastModified,
      content: record,
      ...(way.sealing ? { sealing: way.sealing } : {}),
    }),
    ...(move.keepSourceMs === undefined ? {} : { keepSourceMs: move.keepSourceMs }),
    guard: (document) => {
      move.guard?.(document);
      if (!isCurrentWrite(document, record.placement.writeId)) throw changedMeanwhile();
    },
    content: () => way.content(),
    send: (options) =>
      way.send(options, { writeId, attributes, ...(storageClass === undefined ? {} : { storageClass }) }),
  });
  return outcome.record;
}
