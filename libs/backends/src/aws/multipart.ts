import { createHash } from 'node:crypto';
import { limitsOf } from '#libs/naming';
import { BackendError, isBackendError } from '../errors.js';
import type { Call } from '../object-backend.js';
import { wireFailure } from '../wire/failures.js';
import { garbage } from './errors.js';
import { place } from './requests.js';
import type { HeaderList, S3Request, S3Requests } from './requests.js';
import { unquote } from './tokens.js';
import { partBytesAt, partBytesFor } from './upload-parts.js';
import type { HeldPart, PartReader } from './upload-parts.js';
import { escapeXml } from './xml.js';

/** A multipart upload to be: where it goes, and the headers of its creation and of its completion. */
export interface UploadTarget {
  readonly container: string;
  readonly key: string;
  readonly attributes: HeaderList;
  readonly conditions: HeaderList;
}

/** A completed upload, as its completion was answered. */
export interface Completed {
  readonly size: number;
  readonly vendorEtag: string;
  readonly headers: Readonly<Record<string, string>>;
}

interface SentPart {
  readonly number: number;
  readonly etag: string;
  readonly size: number;
}

/** A failed upload is cleaned up on a budget of its own: the call's may be what ran out. */
const CLEAN_UP_MS = 15_000;

/** The vendor's multipart upload (docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html) as one atomic write. */
export class MultipartUploads {
  readonly #s3: S3Requests;

  constructor(s3: S3Requests) {
    this.#s3 = s3;
  }

  /** A body of unknown length whose first part has been read. Parts lie in memory, two at a time, and carry their MD5 for the vendor to check. */
  async ofHeldParts(call: Call, target: UploadTarget, first: HeldPart, reader: PartReader): Promise<Completed> {
    return await this.#upload(call, target, async (upload) => {
      const sent: Promise<SentPart>[] = [];
      for (let part = first, number = 1; part.size > 0 || number === 1; number++) {
        const sending = upload.sendHeld(number, part);
        // Its failure is seen when it is awaited, below.
        sending.catch(() => undefined);
        sent.push(sending);
        await sent.at(-2);
        if (part.last) break;
        part = await reader.hold(this.#partBytesAt(number + 1));
      }
      return await Promise.all(sent);
    });
  }

  /** A body of known length, too long for one request. Nothing is held: each part streams from the source, one after another. */
  async ofKnownSize(call: Call, target: UploadTarget, size: number, reader: PartReader): Promise<Completed> {
    const partBytes = partBytesFor(size, this.#s3.config);
    return await this.#upload(call, target, async (upload) => {
      const sent: SentPart[] = [];
      for (let at = 0; at < size; at += partBytes)
        sent.push(await upload.sendStream(sent.length + 1, reader, Math.min(partBytes, size - at)));
      if (!(await reader.hasEnded()))
        throw new BackendError('invalid', `the body is longer than the ${size} bytes announced`, {
          backend: this.#s3.config.name,
        });
      return sent;
    });
  }

  /** A copy inside the backend, part by part. `source` are the headers that name it. */
  async ofCopiedParts(call: Call, target: UploadTarget, size: number, source: HeaderList): Promise<Completed> {
    const partBytes = Math.min(
      this.#s3.config.singleRequestBytes,
      Math.max(partBytesFor(size, this.#s3.config), 512 * 1024 * 1024),
    );
    return await this.#upload(call, target, async (upload) => {
      const sent: SentPart[] = [];
      for (let at = 0; at < size; at += partBytes) {
        const end = Math.min(at + partBytes, size) - 1;
        const range: HeaderList = size <= partBytes ? [] : [['x-amz-copy-source-range', `bytes=${at}-${end}`]];
        sent.push(await upload.copyPart(sent.length + 1, [...source, ...range], end - at + 1));
      }
      return sent;
    });
  }

  /** Forgets an upload. Succeeds also if it is not there any more. */
  async abort(call: Call, where: { container: string; key: string }, uploadId: string): Promise<void> {
    const { container, key } = where;
    const asked: S3Request = {
      method: 'DELETE',
      action: `forget an upload of ${place(container, key)}`,
      container,
      key,
      query: { uploadId },
    };
    try {
      const answer = await this.#s3.expect(call, asked);
      answer.body.discard();
    } catch (error) {
      if (!isBackendError(error, 'not-found') || error.vendorCode !== 'NoSuchUpload') throw error;
    }
  }

  #partBytesAt(number: number): number {
    const limits = limitsOf(this.#s3.config.vendor);
    if (number <= limits.maxParts) return partBytesAt(number, this.#s3.config.partBytes, limits);
    throw new BackendError('invalid', `the body does not end within ${limits.maxParts} parts`, {
      backend: this.#s3.config.name,
    });
  }

  async #upload(
    call: Call,
    target: UploadTarget,
    send: (upload: Upload) => Promise<readonly SentPart[]>,
  ): Promise<Completed> {
    const upload = await Upload.create(this.#s3, call, target);
    try {
      return await upload.complete(await send(upload));
    } catch (error) {
      throw await this.#cleanUp(call, upload, wireFailure(this.#s3.config.name, error));
    }
  }

  /** Aborts the parts under way, then the upload. Answers the failure to report, a failing clean-up in its cause. */
  async #cleanUp(call: Call, upload: Upload, failure: BackendError): Promise<BackendError> {
    await upload.stop();
    try {
      await this.abort({ requestId: call.requestId, deadlineMs: CLEAN_UP_MS }, upload.target, upload.id);
      return failure;
    } catch (error) {
      const { kind, message, vendorCode } = failure;
      const cause = new AggregateError([failure, error], 'and the unfinished upload could not be removed');
      return new BackendError(kind, message, {
        backend: this.#s3.config.name,
        cause,
        ...(vendorCode === undefined ? {} : { vendorCode }),
      });
    }
  }
}

/** One upload under way. */
class Upload {
  readonly #s3: S3Requests;
  readonly #call: Call;
  readonly #stopping = new AbortController();
  readonly #sending = new Set<Promise<unknown>>();

  private constructor(
    s3: S3Requests,
    call: Call,
    readonly target: UploadTarget,
    readonly id: string,
  ) {
    this.#s3 = s3;
    const signal = call.signal ? AbortSignal.any([call.signal, this.#stopping.signal]) : this.#stopping.signal;
    this.#call = { ...call, signal };
  }

  static async create(s3: S3Requests, call: Call, target: UploadTarget): Promise<Upload> {
    const { container, key, attributes: headers } = target;
    const asked: S3Request = {
      method: 'POST',
      action: `begin an upload of ${place(container, key)}`,
      container,
      key,
      query: { uploads: '' },
      headers,
    };
    const { xml } = await s3.expectXml(call, asked, 'InitiateMultipartUpload');
    const id = xml.texts['UploadId'];
    if (!id) throw garbage(s3.config.name, asked.action);
    return new Upload(s3, call, target, id);
  }

  async sendHeld(number: number, part: HeldPart): Promise<SentPart> {
    const etag = await this.#put(number, {
      headers: [['content-md5', part.md5.toString('base64')]],
      body: chunksOf(part.chunks),
      contentLength: part.size,
    });
    this.#compare(number, etag, part.md5.toString('hex'));
    return { number, etag, size: part.size };
  }

  async sendStream(number: number, reader: PartReader, size: number): Promise<SentPart> {
    const hash = createHash('md5');
    const body = async function* () {
      for await (const chunk of reader.stream(size)) {
        hash.update(chunk);
        yield chunk;
      }
    };
    const etag = await this.#put(number, { body: body(), contentLength: size });
    this.#compare(number, etag, hash.digest('hex'));
    return { number, etag, size };
  }

  async copyPart(number: number, headers: HeaderList, size: number): Promise<SentPart> {
    const asked = this.#partRequest(number, { headers });
    const { xml } = await this.#tracked(this.#s3.expectXml(this.#call, asked, 'CopyPart'));
    const etag = xml.texts['ETag'];
    if (!etag) throw garbage(this.#s3.config.name, asked.action);
    return { number, etag: unquote(etag), size };
  }

  /** Conditions are judged here, at the moment the object comes to be. A 200 may hold an error. */
  async complete(parts: readonly SentPart[]): Promise<Completed> {
    const { container, key, conditions } = this.target;
    const list = parts.map(
      ({ number, etag }) =>
        `<Part><PartNumber>${number}</PartNumber><ETag>&quot;${escapeXml(etag)}&quot;</ETag></Part>`,
    );
    const body = Buffer.from(`<CompleteMultipartUpload>${list.join('')}</CompleteMultipartUpload>`);
    const { answer, xml } = await this.#s3.expectXml(
      this.#call,
      {
        method: 'POST',
        action: `complete an upload of ${place(container, key)}`,
        container,
        key,
        query: { uploadId: this.id },
        headers: [['content-type', 'application/xml'], ...conditions],
        body,
      },
      'CompleteMultipartUpload',
    );
    const size = parts.reduce((sum, part) => sum + part.size, 0);
    const etag = xml.texts['ETag'];
    if (!etag) throw garbage(this.#s3.config.name, `complete an upload of ${place(container, key)}`);
    return { size, vendorEtag: unquote(etag), headers: answer.headers };
  }

  /** Ends the parts under way and waits until they have ended. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the upload failed'));
    await Promise.allSettled(this.#sending);
  }

  async #put(number: number, rest: Partial<S3Request>): Promise<string> {
    const asked = this.#partRequest(number, rest);
    const answer = await this.#tracked(this.#s3.expect(this.#call, asked));
    answer.body.discard();
    const etag = answer.headers['etag'];
    if (etag === undefined) throw garbage(this.#s3.config.name, asked.action);
    return unquote(etag);
  }

  #partRequest(number: number, rest: Partial<S3Request>): S3Request {
    const { container, key } = this.target;
    const query = { partNumber: String(number), uploadId: this.id };
    return { method: 'PUT', action: `send part ${number} of ${place(container, key)}`, container, key, query, ...rest };
  }

  async #tracked<T>(sending: Promise<T>): Promise<T> {
    this.#sending.add(sending);
    try {
      return await sending;
    } finally {
      this.#sending.delete(sending);
    }
  }

  /** A part's ETag is its MD5, unless it is encrypted: then it has another form or another value, and Content-MD5 alone guards the part. */
  #compare(number: number, etag: string, md5: string): void {
    const { name: backend, vendor } = this.#s3.config;
    if (!limitsOf(vendor).reliableMultipartEtag || !/^[0-9a-f]{32}$/.test(etag) || etag === md5) return;
    throw new BackendError('integrity', `part ${number} of ${this.target.key} arrived with other bytes`, { backend });
  }
}

async function* chunksOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void, undefined> {
  for (const chunk of chunks) yield await Promise.resolve(chunk);
}
