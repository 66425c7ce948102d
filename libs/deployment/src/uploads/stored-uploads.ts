import type { BucketDocument, ControlPlane, UploadRecord } from '#libs/metadata';
import {
  checkPut,
  dropSegment,
  dropSegments,
  isObjectsError,
  ObjectsError,
  piecesOf,
  writeSegment,
  type Engine,
  type OperationContext,
} from '#libs/objects';
import { DeploymentError } from '../errors.js';
import { claimed, completeUpload } from './complete-upload.js';
import { endOf, wishOf, type UploadEnd } from './stored-text.js';
import type { Upload, UploadPart, UploadPlace, UploadService, UploadWish } from './upload-service.js';

/** What is made durable at once: a kill costs so much at most, and a terabyte is 16,384 rows. */
const SEGMENT_BYTES = 64 * 1024 * 1024;
/** How long after its upload's end a segment goes by itself, if nobody has removed it. */
const LEEWAY_MS = 60 * 60 * 1000;
/** So long what could not be removed waits for the next try: a page of such must leave time for others. */
const PUT_OFF_MS = 30 * 60 * 1000;

export interface UploadDependencies {
  readonly engine: Engine;
  readonly controlPlane: ControlPlane;
  readonly logger: { warn(facts: object, message: string): void };
  /** How long an upload may take, how large it may be, and how many a user may have open. */
  readonly limits: { readonly ageMs: number; readonly bytes: number; readonly perUser: number };
}

/** Resumable uploads: rows in the control plane, bytes as segments at the vendor. */
export class StoredUploads implements UploadService {
  constructor(private readonly dependencies: UploadDependencies) {}

  async create(
    context: OperationContext,
    { bucket, key }: UploadPlace,
    { id, size, upload }: { id: string; size: number; upload: UploadWish },
  ): Promise<Upload> {
    const { engine, controlPlane, limits } = this.dependencies;
    if (size > limits.bytes)
      throw new ObjectsError('too-large', `uploads of at most ${limits.bytes} bytes are taken`, {
        facts: { maxObjectBytes: limits.bytes },
      });
    await checkPut(engine, context, { ...upload, bucket, key, size });
    const reservation = await engine.quotas?.reserve({ bucket, key, size, isBeside: true });
    try {
      const expiresAt = engine.clock.now() + limits.ageMs;
      const wish = {
        id,
        bucketId: bucket.id,
        userId: context.actor.userId,
        wish: JSON.stringify(upload),
        size,
        expiresAt,
      };
      const record = await controlPlane.uploads.create(wish, limits.perUser);
      if (!record)
        throw new DeploymentError(
          'too-many-uploads',
          `${limits.perUser} uploads of yours are under way; end one first`,
          {
            facts: { limit: limits.perUser },
          },
        );
      // Counted as stored from now on, by whoever counts anew as well.
      reservation?.settle({ size, replaced: undefined });
      if (size > 0) return this.#shown(record);
      this.#giveBack(bucket, record);
      return this.#shown(await this.#complete(context, bucket, record));
    } catch (error) {
      reservation?.cancel();
      throw error;
    }
  }

  async get(context: OperationContext, place: UploadPlace, id: string): Promise<Upload> {
    return this.#shown(await this.#ended(context, place.bucket, await this.#own(context, place, id)));
  }

  async append(context: OperationContext, place: UploadPlace, { id, offset, body }: UploadPart): Promise<Upload> {
    const { bucket } = place;
    let record = await this.#own(context, place, id);
    if (record.received !== offset) throw conflict(record.received);
    for await (const piece of piecesOf(body, SEGMENT_BYTES)) {
      record = { ...record, received: await this.#take(context, bucket, record, piece) };
    }
    // The put makes room for itself.
    if (offset < record.size && record.received === record.size) this.#giveBack(bucket, record);
    return this.#shown(await this.#ended(context, bucket, record));
  }

  async remove(context: OperationContext, place: UploadPlace, id: string): Promise<void> {
    const record = await this.#own(context, place, id);
    const forget = (): Promise<UploadRecord | undefined> => this.#forget(context, place.bucket, record);
    const ended = record.state === 'open' ? await claimed(this.dependencies, id, forget) : await forget();
    // As it was at its end: its last bytes may have come meanwhile, and who took them gave the room back.
    if (ended && ended.received < ended.size) this.#giveBack(place.bucket, ended);
  }

  /** Removes what has expired, and what ended uploads left. Answers how many were dealt with; one that cannot be now is told and put off, so that it keeps no other waiting, and one that another request has claimed is left to it. */
  async expire(context: OperationContext, limit: number): Promise<number> {
    const { controlPlane, engine, logger } = this.dependencies;
    const due = await controlPlane.uploads.due(limit);
    let removed = 0;
    for (const record of due) {
      context.signal?.throwIfAborted();
      try {
        // A completion may have begun since they were listed: it reads the parts, and they go only under a claim.
        if (record.state === 'open') await claimed(this.dependencies, record.id, () => this.#expire(context, record));
        else await this.#expire(context, record);
        removed += 1;
      } catch (error) {
        if (isObjectsError(error, 'busy')) continue;
        logger.warn({ upload: record.id, error }, 'what is left of an upload could not be removed yet');
        await controlPlane.uploads.putOff(record.id, engine.clock.now() + PUT_OFF_MS);
      }
    }
    return removed;
  }

  async #expire(context: OperationContext, { id, bucketId, expiresAt }: UploadRecord): Promise<void> {
    const { controlPlane, engine } = this.dependencies;
    const bucket = (await engine.index.getBucket(bucketId))?.value;
    if (bucket) await this.#drop(context, bucket, id);
    if (expiresAt <= engine.clock.now()) await controlPlane.uploads.delete(id);
  }

  /** The upload, if it is the caller's and goes to this place. */
  async #own(context: OperationContext, { bucket, key }: UploadPlace, id: string): Promise<UploadRecord> {
    const { controlPlane, engine } = this.dependencies;
    const record = await controlPlane.uploads.find(id);
    const isTheirs = record && (context.actor.isAdmin || record.userId === context.actor.userId);
    if (!isTheirs || record.bucketId !== bucket.id || wishOf(record.wish).key !== key)
      throw new DeploymentError('no-such-upload', 'there is no such upload of yours to this key');
    if (record.expiresAt <= engine.clock.now() && record.state === 'open')
      throw new DeploymentError('upload-expired', 'the upload took too long; begin it anew');
    return record;
  }

  /** Stores one stretch and answers the offset after it. */
  async #take(
    context: OperationContext,
    bucket: BucketDocument,
    record: UploadRecord,
    body: AsyncIterable<Uint8Array>,
  ): Promise<number> {
    const { engine, controlPlane } = this.dependencies;
    const { id, received } = record;
    if (record.state !== 'open') throw conflict(record.received);
    const keepUntil = record.expiresAt + LEEWAY_MS;
    const segment = await writeSegment(engine, context, { bucket, upload: id, body, keepUntil });
    const at = { start: received, size: segment.size, segment: JSON.stringify(segment) };
    if (await controlPlane.uploads.append(id, at)) return received + segment.size;
    await dropSegment(engine, context, bucket, segment);
    const now = await controlPlane.uploads.find(id);
    if (now?.state === 'open' && now.received === received)
      throw new ObjectsError('too-large', 'the upload came in too many parts, or too late; send larger ones');
    throw conflict(now?.received);
  }

  /** The upload as it is once it has been put together, where it has all its bytes. */
  async #ended(context: OperationContext, bucket: BucketDocument, record: UploadRecord): Promise<UploadRecord> {
    if (record.state !== 'open') return this.#told(record);
    return record.received < record.size ? record : this.#complete(context, bucket, record);
  }

  async #complete(context: OperationContext, bucket: BucketDocument, record: UploadRecord): Promise<UploadRecord> {
    const { controlPlane } = this.dependencies;
    const end = await completeUpload(this.dependencies, context, bucket, record.id).catch(async (error: unknown) => {
      const now = await controlPlane.uploads.find(record.id);
      if (now?.outcome === undefined) throw error;
      return endOf(now.outcome);
    });
    await this.#dropQuietly(context, bucket, record.id);
    return this.#told({ ...record, state: 'etag' in end ? 'done' : 'failed', outcome: JSON.stringify(end) });
  }

  /** An upload that failed for good tells so on every look. */
  #told(record: UploadRecord): UploadRecord {
    const end = record.outcome === undefined ? undefined : endOf(record.outcome);
    if (end && 'code' in end) throw new ObjectsError(end.code, end.message, { facts: { upload: record.id } });
    return record;
  }

  async #forget(
    context: OperationContext,
    bucket: BucketDocument,
    { id }: UploadRecord,
  ): Promise<UploadRecord | undefined> {
    await this.#drop(context, bucket, id);
    return this.dependencies.controlPlane.uploads.delete(id);
  }

  async #drop(context: OperationContext, bucket: BucketDocument, id: string): Promise<void> {
    const { engine, controlPlane } = this.dependencies;
    await dropSegments(engine, context, bucket, id);
    await controlPlane.uploads.forgetSegments(id);
  }

  /** The object is there: what cannot be removed now is housekeeping's. */
  async #dropQuietly(context: OperationContext, bucket: BucketDocument, id: string): Promise<void> {
    await this.#drop(context, bucket, id).catch((error: unknown) => {
      this.dependencies.logger.warn({ upload: id, error }, 'the parts of an upload could not be removed yet');
    });
  }

  #giveBack(bucket: BucketDocument, { size }: UploadRecord): void {
    this.dependencies.engine.quotas?.removed(bucket, { size });
  }

  #shown(record: UploadRecord): Upload {
    const end: UploadEnd | undefined = record.outcome === undefined ? undefined : endOf(record.outcome);
    const { echo } = wishOf(record.wish);
    return {
      id: record.id,
      size: record.size,
      offset: record.received,
      isDone: record.state === 'done',
      createdAt: record.createdAt,
      expiresAt: record.expiresAt,
      ...(end && 'etag' in end && end.etag !== '' ? { etag: end.etag } : {}),
      ...(echo === undefined ? {} : { echo }),
    };
  }
}

function conflict(offset: number | undefined): DeploymentError {
  return new DeploymentError('upload-offset', 'the upload does not go on there; ask for its offset', {
    facts: offset === undefined ? {} : { offset },
  });
}
