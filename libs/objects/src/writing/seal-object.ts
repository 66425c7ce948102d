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
import { keptClass } from './restamp-object.js';
import { transferOf } from './transfer.js';

export interface SealObject {
  /** An encrypted one. */
  readonly bucket: BucketDocument;
  readonly key: string;
  /** Refuses by throwing, for callers that decided on a record they saw. */
  readonly guard?: (document: KeyDocument) => void;
}

/**
 * Writes an object that lies plain anew where it is, sealed under a data key of its own; one that is sealed already stays as it is. Key, ETag, `lastModified`, metadata, headers, tags, tier and class stay.
 * A client's write that comes between wins: the sealing then fails with `changed-meanwhile` or `conflict`. The plain bytes go after the grace, as those of every write that was superseded.
 */
export async function sealObject(engine: Engine, context: OperationContext, seal: SealObject): Promise<ObjectRecord> {
  const { bucket, key } = seal;
  const record = await requireRecord(engine, bucket, key);
  if (record.sealing) return record;
  if (record.missing)
    throw new ObjectsError('object-missing', "the object's bytes are missing at its backend; they cannot be encrypted");
  const target = await targetOf(engine, bucket, key, record.placement.backend);
  const attributes = attributesOf(record);
  const way = transferOf(engine, context, { source: { bucket, key, record }, target, isMove: true });
  if (!way.sealing) throw new ObjectsError('invalid-request', `bucket ${bucket.name} is not encrypted`);
  assertAttributes(attributes, target.backend.vendor, way.sealing);
  const chosen = keptClass(record);
  const writeId = newWriteIdFor(engine, target.address);
  const { storageClass } = chosen;
  const outcome = await mutate(engine, context, {
    target,
    // What takes the place of its own source must be adopted if its writer dies: there is nothing else to go back to.
    kind: 'copy',
    writeId,
    candidate: candidateAt(target, {
      ...{ writeId, attributes, chosen, now: record.lastModified, content: record },
      sealing: way.sealing,
    }),
    guard: (document) => {
      seal.guard?.(document);
      if (!isCurrentWrite(document, record.placement.writeId)) throw changedMeanwhile();
    },
    content: () => way.content(),
    send: (options) =>
      way.send(options, { writeId, attributes, ...(storageClass === undefined ? {} : { storageClass }) }),
  });
  return outcome.record;
}
