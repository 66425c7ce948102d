import { createHash } from 'node:crypto';
import { limitsOf } from '#libs/naming';
import { BackendError } from '../errors.js';
import type { Call } from '../object-backend.js';
import { garbage } from './errors.js';
import { place } from './requests.js';
import type { HeaderList, S3Request, S3Requests } from './requests.js';
import { unquote } from './tokens.js';
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

/** A part that the vendor has. */
export interface SentPart {
  readonly number: number;
  readonly etag: string;
  readonly size: number;
}

/** One multipart upload under way: made, fed with parts, completed. Whoever makes one must see to its abortion if it is not completed. */
export class Upload {
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
