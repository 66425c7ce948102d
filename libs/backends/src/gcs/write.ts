import { limitsOf } from '#libs/naming';
import { BackendError, isBackendError } from '../errors.js';
import type { Call, ObjectBody, PutRequest, WriteResult } from '../object-backend.js';
import { sourceFailureOf } from '../wire/index.js';
import { wireFailure } from '../wire/failures.js';
import { fieldsOf } from './attributes.js';
import { Crc32c } from './checksum.js';
import { ChunkReader } from './chunks.js';
import { Envelope } from './envelope.js';
import type { Reader } from './read.js';
import { resultOf } from './requests.js';
import type { GcsRequests } from './requests.js';
import type { ObjectResource } from './resource.js';
import { objectResource } from './resource.js';
import { ResumableUploads } from './resumable.js';
import { conditionOf } from './upload-target.js';
import type { UploadTarget } from './upload-target.js';

/** A body up to this size goes out in one piece with what surrounds it. */
const JOINED_BYTES = 256 * 1024;

/**
 * Writes objects. A known length, whatever it is, takes one `multipart/related` request, streamed: nothing is stored unless all of it arrives. An
 * unknown length is held up to `chunkBytes`, and goes out as a resumable upload beyond it. The CRC32C of all bytes is checked by GCS where it is
 * known before they are sent, else here against what GCS answers.
 */
export class Writer {
  readonly #gcs: GcsRequests;
  readonly #reader: Reader;
  readonly #resumable: ResumableUploads;

  constructor(gcs: GcsRequests, reader: Reader) {
    this.#gcs = gcs;
    this.#reader = reader;
    this.#resumable = new ResumableUploads(gcs);
  }

  async put(call: Call, request: PutRequest): Promise<WriteResult> {
    const { body, container, key } = request;
    const backend = this.#gcs.config.name;
    const fields = fieldsOf(backend, request.attributes);
    const target: UploadTarget = { container, key, fields, condition: conditionOf(request.condition, backend) };
    const size = request.size ?? (body instanceof Uint8Array ? body.byteLength : undefined);
    try {
      return resultOf(await this.#store(call, target, body, size));
    } catch (error) {
      // What the body threw, or a length that differs, as it was said; not as the wire's failure that it led to.
      const cause = sourceFailureOf(error)?.cause;
      throw isBackendError(cause) ? cause : wireFailure(backend, error);
    }
  }

  async #store(call: Call, target: UploadTarget, body: ObjectBody, size: number | undefined): Promise<ObjectResource> {
    const { maxObjectBytes } = limitsOf('gcs');
    if (size !== undefined && size > maxObjectBytes)
      throw this.#invalid(`an object of ${size} bytes is more than the ${maxObjectBytes} that GCS holds`);
    if (body instanceof Uint8Array) {
      if (size === body.byteLength) return await this.#putBytes(call, target, body);
      throw this.#invalid(`the body has ${body.byteLength} bytes, announced were ${size ?? 0}`);
    }
    return size === undefined
      ? await this.#putUnknown(call, target, body)
      : await this.#putStream(call, target, body, size);
  }

  async #putUnknown(call: Call, target: UploadTarget, body: AsyncIterable<Uint8Array>): Promise<ObjectResource> {
    const reader = new ChunkReader(body, call, this.#gcs.config.name);
    const sum = new Crc32c();
    try {
      const first = await reader.take(this.#gcs.config.chunkBytes);
      if (first.last) return await this.#putBytes(call, target, Buffer.concat(first.pieces, first.size));
      const resource = await this.#resumable.upload(call, target, { first, reader, sum });
      return await this.#checked(call, target, resource, sum);
    } finally {
      await reader.close();
    }
  }

  /** GCS itself compares the CRC32C before it stores anything, and answers a difference with `integrity`. */
  async #putBytes(call: Call, target: UploadTarget, bytes: Uint8Array): Promise<ObjectResource> {
    const sum = new Crc32c();
    sum.update(bytes);
    const envelope = new Envelope({ ...target.fields, crc32c: sum.base64 });
    const { byteLength } = bytes;
    if (byteLength <= JOINED_BYTES)
      return await this.#send(call, target, envelope, Buffer.concat([envelope.head, bytes, envelope.tail]), byteLength);
    return await this.#send(call, target, envelope, envelope.around([bytes]), byteLength);
  }

  async #putStream(
    call: Call,
    target: UploadTarget,
    body: AsyncIterable<Uint8Array>,
    size: number,
  ): Promise<ObjectResource> {
    const sum = new Crc32c();
    const envelope = new Envelope(target.fields);
    const exact = this.#exactly(body, size, sum);
    const resource = await this.#send(call, target, envelope, envelope.around(exact), size);
    return await this.#checked(call, target, resource, sum);
  }

  async #send(
    call: Call,
    { container, key, condition }: UploadTarget,
    envelope: Envelope,
    ...[body, size]: [body: ObjectBody, size: number]
  ): Promise<ObjectResource> {
    const request = {
      method: 'POST',
      action: `write ${key} in ${container}`,
      path: this.#gcs.uploadPath(container),
      query: { uploadType: 'multipart', name: key, ...condition },
      headers: { 'content-type': envelope.contentType },
      body,
      contentLength: envelope.head.byteLength + size + envelope.tail.byteLength,
    } as const;
    return await this.#gcs.expectJson(call, request, objectResource);
  }

  /** The bytes of a body while they are as many as announced: the end of the envelope is never sent after others. */
  async *#exactly(body: AsyncIterable<Uint8Array>, size: number, sum: Crc32c): AsyncGenerator<Uint8Array> {
    let total = 0;
    for await (const chunk of body) {
      total += chunk.byteLength;
      if (total > size) throw this.#invalid(`the body is longer than the ${size} bytes announced`);
      sum.update(chunk);
      yield chunk;
    }
    if (total < size) throw this.#invalid(`the body ended after ${total} of the ${size} bytes announced`);
  }

  /** Damage on the way that is seen only after the fact: what was stored is removed again. */
  async #checked(call: Call, target: UploadTarget, resource: ObjectResource, sum: Crc32c): Promise<ObjectResource> {
    if ((resource.crc32c ?? sum.base64) === sum.base64) return resource;
    const { container, key } = target;
    await this.#reader.delete(call, { container, key, token: resource.generation });
    throw new BackendError('integrity', `the bytes of ${key} in ${container} were damaged on their way to GCS`, {
      backend: this.#gcs.config.name,
    });
  }

  #invalid(message: string): BackendError {
    return new BackendError('invalid', message, { backend: this.#gcs.config.name });
  }
}
