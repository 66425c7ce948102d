import { BackendError } from '../errors.js';
import type { Call, ObjectBody, PutRequest, WriteCondition, WriteResult } from '../object-backend.js';
import { attributeHeaders, storageClassOf } from './attributes.js';
import type { AttributeRules } from './attributes.js';
import { garbage } from './errors.js';
import type { MultipartUploads } from './multipart.js';
import type { Completed, UploadTarget } from './upload.js';
import { place } from './requests.js';
import type { HeaderList, S3Request, S3Requests } from './requests.js';
import { md5Of, targetOf, tokenOf, unquote } from './tokens.js';
import { checkObjectSize, PartReader } from './upload-parts.js';
import { wireFailure } from '../wire/failures.js';

/** Writes objects: one PUT where the length is known and allowed, else the vendor's multipart upload. */
export class Writer {
  readonly #s3: S3Requests;
  readonly #uploads: MultipartUploads;
  readonly #rules: AttributeRules;

  constructor(s3: S3Requests, uploads: MultipartUploads, rules: AttributeRules) {
    this.#s3 = s3;
    this.#uploads = uploads;
    this.#rules = rules;
  }

  async put(call: Call, request: PutRequest): Promise<WriteResult> {
    const { body, container, key } = request;
    const attributes = attributeHeaders(this.#rules, request.attributes);
    const conditions = conditionHeaders(this.#rules, request.condition);
    const target: UploadTarget = { container, key, attributes, conditions };
    const storageClass = storageClassOf(this.#rules, request.attributes);
    const written = await this.#store(call, target, body, request.size);
    return { ...resultOf(written), storageClass };
  }

  async #store(call: Call, target: UploadTarget, body: ObjectBody, announced: number | undefined): Promise<Completed> {
    const { config } = this.#s3;
    const size = announced ?? (body instanceof Uint8Array ? body.byteLength : undefined);
    if (size !== undefined) checkObjectSize(config, size);
    if (size !== undefined && size <= config.singleRequestBytes) return await this.#putOnce(call, target, body, size);
    if (body instanceof Uint8Array && size !== body.byteLength)
      throw new BackendError('invalid', `the body has ${body.byteLength} bytes, announced were ${size ?? 0}`, {
        backend: config.name,
      });
    const reader = new PartReader(body instanceof Uint8Array ? oneChunk(body) : body);
    try {
      return await this.#putParts(call, target, reader, size);
    } catch (error) {
      throw wireFailure(config.name, error);
    } finally {
      await reader.close();
    }
  }

  async #putParts(call: Call, target: UploadTarget, reader: PartReader, size: number | undefined): Promise<Completed> {
    if (size !== undefined) return await this.#uploads.ofKnownSize(call, target, size, reader);
    const first = await reader.hold(this.#s3.config.partBytes);
    // What ends within a part needs no upload of parts.
    if (first.last) return await this.#putOnce(call, target, Buffer.concat(first.chunks), first.size);
    return await this.#uploads.ofHeldParts(call, target, first, reader);
  }

  async #putOnce(call: Call, target: UploadTarget, body: ObjectBody, size: number): Promise<Completed> {
    const { container, key, attributes, conditions } = target;
    const action = `write ${place(container, key)}`;
    const headers = [...attributes, ...conditions];
    const asked: S3Request = { method: 'PUT', action, container, key, headers, body, contentLength: size };
    const answer = await this.#s3.send(call, asked);
    if (answer.status >= 300) throw conditionFailure(await this.#s3.failureOf(asked, answer), conditions);
    answer.body.discard();
    const etag = answer.headers['etag'];
    if (etag === undefined) throw garbage(this.#s3.config.name, action);
    return { size, vendorEtag: unquote(etag), headers: answer.headers };
  }
}

/** What a write answers, but for its class: the vendor does not say that. */
export function resultOf({ size, vendorEtag, headers }: Completed): Omit<WriteResult, 'storageClass'> {
  const md5 = md5Of(vendorEtag, headers);
  return {
    token: tokenOf(headers['x-amz-version-id'], vendorEtag),
    vendorEtag,
    size,
    ...(md5 === undefined ? {} : { md5 }),
  };
}

/** A condition as headers. Fails with `unsupported` where the vendor would ignore or could not mean it. */
export function conditionHeaders(
  { config, capabilities }: AttributeRules,
  condition: WriteCondition | undefined,
): HeaderList {
  if (condition === undefined) return [];
  const backend = config.name;
  if ('ifAbsent' in condition) {
    if (capabilities.writeIfAbsent) return [['if-none-match', '*']];
    throw new BackendError('unsupported', `${config.vendor} has no create-only writes`, { backend });
  }
  const { etag } = targetOf(condition.ifToken, config.quirks.versioning);
  if (capabilities.writeIfToken && etag !== undefined) return [['if-match', etag]];
  throw new BackendError('unsupported', `${config.vendor} has no writes on condition of a VersionId`, { backend });
}

/** If-Match on a key that is gone answers 404: to the caller that is a condition not met. */
function conditionFailure(failure: BackendError, conditions: HeaderList): BackendError {
  if (failure.vendorCode !== 'NoSuchKey' || !conditions.some(([name]) => name === 'if-match')) return failure;
  return new BackendError('precondition', failure.message, {
    ...(failure.backend ? { backend: failure.backend } : {}),
    cause: failure,
  });
}

async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield await Promise.resolve(bytes);
}
