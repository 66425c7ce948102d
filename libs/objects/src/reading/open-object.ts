import { isBackendError, type ByteRange } from '#libs/backends';
import type { BucketDocument, ObjectRecord } from '#libs/metadata';
import { callOf, type Engine, type OperationContext } from '../engine.js';
import { fromBackend, isObjectsError, ObjectsError } from '../errors.js';
import { placementRef } from '../mutation/standing.js';
import { assertReadConditions, type Conditions } from './conditions.js';
import { readingOf, type Transfer } from './plain-transfer.js';
import { resolveRange, type RangeRequest } from './ranges.js';
import { reconcileKey } from './reconcile.js';
import { requireRecord } from './records.js';

export interface ReadObject {
  readonly bucket: BucketDocument;
  readonly key: string;
  readonly range?: RangeRequest;
  readonly conditions?: Conditions;
  /** The caller is done with each chunk before it asks for the next. */
  readonly transientChunks?: boolean;
}

export interface OpenedObject {
  readonly record: ObjectRecord;
  /** Present when a range was asked for. */
  readonly range?: ByteRange;
  readonly body: AsyncIterable<Uint8Array>;
  /** The same bytes, where they were all at hand: `body` need not be read. */
  readonly whole?: Uint8Array;
  /** Closes a transfer whose body will not be read. */
  discard(): void;
}

const ATTEMPTS = 5;

/**
 * Reads an object by the token its record names, so that what is sent is what the record says (invariant 2).
 * A write that comes between is met by reading the record again; a stream that is cut goes on at its offset if the content is still the same, else it fails.
 * Fails with `no-such-key`, `not-modified`, `precondition-failed`, `invalid-range`, `archived`, `object-missing` or `backend-unavailable`.
 */
export async function openObject(engine: Engine, context: OperationContext, read: ReadObject): Promise<OpenedObject> {
  for (let attempt = 1; ; attempt += 1) {
    const record = await requireRecord(engine, read.bucket, read.key);
    if (read.conditions) assertReadConditions(record, read.conditions);
    const range = read.range && resolveRange(read.range, record.size);
    const opened = await tryOpen(engine, context, { read, record, ...(range ? { range } : {}) });
    if (opened) return readable(engine, context, { read, record, ...(range ? { range } : {}) }, opened);
    if (attempt === ATTEMPTS) throw changesTooFast();
    await reconcileKey(engine, context, { bucket: read.bucket, key: read.key, seen: record });
  }
}

/** What the caller gets of a transfer that began. Bytes that came whole, and as many as the record says, cannot be cut any more. */
function readable(engine: Engine, context: OperationContext, wanted: Wanted, opened: Transfer): OpenedObject {
  const { record, range } = wanted;
  const { whole } = opened;
  const expected = range ? range.end - range.start + 1 : record.size;
  const isComplete = record.size === 0 || whole?.byteLength === expected;
  return {
    record,
    ...(range ? { range } : {}),
    body: isComplete ? opened.body : resumable(engine, context, wanted, opened),
    ...(isComplete && whole ? { whole } : {}),
    discard: () => opened.discard(),
  };
}

interface Wanted {
  readonly read: ReadObject;
  readonly record: ObjectRecord;
  readonly range?: ByteRange;
}

/** Undefined when the bytes that the record names stand there no more. */
async function tryOpen(engine: Engine, context: OperationContext, wanted: Wanted): Promise<Transfer | undefined> {
  const { record, read } = wanted;
  if (record.missing)
    throw new ObjectsError(
      'object-missing',
      `the object's bytes are missing at its backend; its record is kept until an operator decides`,
      { facts: { key: read.key } },
    );
  const backend = await engine.backends.open(record.placement.backend);
  const reading = readingOf(engine, { bucket: read.bucket.id, key: read.key }, record, wanted.range);
  try {
    const answer = await backend.get(callOf(context), {
      ...placementRef(record.placement),
      ...(reading.range ? { range: reading.range } : {}),
      ...(read.transientChunks ? { transientChunks: true } : {}),
    });
    return await reading.plain(answer);
  } catch (error) {
    if (isBackendError(error, 'not-found') || isBackendError(error, 'precondition')) return undefined;
    if (isBackendError(error, 'conflict')) {
      throw new ObjectsError(
        'archived',
        `the object lies in ${record.placement.storageClass} and must be restored before it can be read`,
        { cause: error },
      );
    }
    throw fromBackend(error, backend.name);
  }
}

/** The body, opened again at its offset whenever the stream is cut and the content is still the same. So many cuts without a byte between them are the end. */
async function* resumable(
  engine: Engine,
  context: OperationContext,
  wanted: Wanted,
  first: Transfer,
): AsyncGenerator<Uint8Array> {
  const end = wanted.range?.end ?? wanted.record.size - 1;
  let offset = wanted.range?.start ?? 0;
  let current: Transfer = first;
  for (let cuts = 0; ; cuts += 1) {
    try {
      for await (const chunk of current.body) {
        offset += chunk.byteLength;
        cuts = 0;
        yield chunk;
      }
      if (offset === end + 1) return;
      throw new ObjectsError('backend-unavailable', `the backend ended the object ${end + 1 - offset} bytes early`);
    } catch (error) {
      if (!isCut(error) || cuts >= ATTEMPTS || offset > end || context.signal?.aborted)
        throw fromBackend(error, wanted.record.placement.backend);
      current = await reopen(engine, context, wanted, { start: offset, end });
    }
  }
}

function isCut(error: unknown): boolean {
  return (
    isObjectsError(error, 'backend-unavailable') ||
    (isBackendError(error) && (error.retryable || error.kind === 'not-found' || error.kind === 'precondition'))
  );
}

/** The rest of the content: of the very write that was being read while it stands, else of a newer one with the same bytes. */
async function reopen(engine: Engine, context: OperationContext, wanted: Wanted, range: ByteRange): Promise<Transfer> {
  let { record } = wanted;
  for (let attempt = 1; ; attempt += 1) {
    if (record.etag !== wanted.record.etag || record.size !== wanted.record.size)
      throw new ObjectsError(
        'changed-meanwhile',
        'the object was replaced while it was being read, and the bytes already sent were of the older one',
      );
    const opened = await tryOpen(engine, context, { read: wanted.read, record, range });
    if (opened) return opened;
    if (attempt === ATTEMPTS) throw changesTooFast();
    await reconcileKey(engine, context, { bucket: wanted.read.bucket, key: wanted.read.key, seen: record });
    record = await requireRecord(engine, wanted.read.bucket, wanted.read.key);
  }
}

function changesTooFast(): ObjectsError {
  return new ObjectsError('busy', 'the object changes faster than it can be read; try again', {
    retryAfterSeconds: 1,
  });
}
