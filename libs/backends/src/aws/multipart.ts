import { limitsOf } from '#libs/naming';
import { BackendError, isBackendError } from '../errors.js';
import type { Call } from '../object-backend.js';
import { wireFailure } from '../wire/failures.js';
import { place } from './requests.js';
import type { HeaderList, S3Request, S3Requests } from './requests.js';
import { partBytesAt, partBytesFor } from './upload-parts.js';
import type { HeldPart, PartReader } from './upload-parts.js';
import { Upload } from './upload.js';
import type { Completed, SentPart, UploadTarget } from './upload.js';

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
        leftBehind: true,
        cause,
        ...(vendorCode === undefined ? {} : { vendorCode }),
      });
    }
  }
}
