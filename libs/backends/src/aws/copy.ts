import type { Call, CopyRequest, ObjectAttributes, ObjectHead, ObjectRef, WriteResult } from '../object-backend.js';
import { attributeHeaders, storageClassOf } from './attributes.js';
import type { AttributeRules } from './attributes.js';
import { garbage } from './errors.js';
import type { MultipartUploads } from './multipart.js';
import type { Completed, UploadTarget } from './upload.js';
import type { Reader } from './read.js';
import { place } from './requests.js';
import type { HeaderList, S3Requests } from './requests.js';
import { encodeKeyPath } from './signer.js';
import { targetOf, unquote } from './tokens.js';
import { conditionHeaders, resultOf } from './write.js';
import type { Writer } from './write.js';

/** Copies by the vendor: CopyObject, or part by part where the object is larger than one request may copy. */
export class Copier {
  readonly #s3: S3Requests;
  readonly #uploads: MultipartUploads;
  readonly #reader: Reader;
  readonly #writer: Writer;
  readonly #rules: AttributeRules;

  constructor(parts: {
    s3: S3Requests;
    uploads: MultipartUploads;
    reader: Reader;
    writer: Writer;
    rules: AttributeRules;
  }) {
    this.#s3 = parts.s3;
    this.#uploads = parts.uploads;
    this.#reader = parts.reader;
    this.#writer = parts.writer;
    this.#rules = parts.rules;
  }

  /** Costs a HEAD besides: the source's size decides how, and is what the answer tells. */
  async copy(call: Call, request: CopyRequest): Promise<WriteResult> {
    const { container, key, condition, attributes } = request;
    const conditions = conditionHeaders(this.#rules, condition);
    const target: UploadTarget = { container, key, attributes: attributeHeaders(this.#rules, attributes), conditions };
    const source = await this.#reader.head(call, request.source);
    // CopyObject's own conditions are ignored by most of the family. A write's, and an upload's completion, are kept.
    if (conditions.length > 0 && source.size === 0)
      return await this.#writer.put(call, {
        container,
        key,
        body: new Uint8Array(),
        size: 0,
        attributes,
        ...(condition ? { condition } : {}),
      });
    const inParts = conditions.length > 0 || source.size > this.#s3.config.singleRequestBytes;
    const from = this.#sourceHeaders(request.source);
    const copied = inParts
      ? await this.#uploads.ofCopiedParts(call, target, source.size, from)
      : await this.#copyOnce(call, target, source, from);
    return { ...resultOf(copied), storageClass: storageClassOf(this.#rules, attributes) };
  }

  /** A copy of the write onto its own key. Where writes replace one another, only while it is the one that stands. */
  async restamp(call: Call, ref: ObjectRef, attributes: ObjectAttributes): Promise<WriteResult> {
    return await this.copy(call, { source: ref, container: ref.container, key: ref.key, attributes });
  }

  async #copyOnce(call: Call, target: UploadTarget, source: ObjectHead, from: HeaderList): Promise<Completed> {
    const { container, key } = target;
    const action = `copy ${place(source.container, source.key)} to ${place(container, key)}`;
    const replace: HeaderList = [
      ['x-amz-metadata-directive', 'REPLACE'],
      ...(this.#rules.capabilities.tags === 'native' ? ([['x-amz-tagging-directive', 'REPLACE']] as const) : []),
    ];
    const headers = [...from, ...replace, ...target.attributes];
    const { answer, xml } = await this.#s3.expectXml(
      call,
      { method: 'PUT', action, container, key, headers },
      'CopyObject',
    );
    const etag = xml.texts['ETag'];
    if (!etag) throw garbage(this.#s3.config.name, action);
    return { size: source.size, vendorEtag: unquote(etag), headers: answer.headers };
  }

  #sourceHeaders(source: ObjectRef): HeaderList {
    const { versionId, etag } = targetOf(source.token, this.#rules.config.quirks.versioning);
    const which = versionId === undefined || etag !== undefined ? '' : `?versionId=${encodeURIComponent(versionId)}`;
    const named = ['x-amz-copy-source', `/${source.container}/${encodeKeyPath(source.key)}${which}`] as const;
    return etag === undefined ? [named] : [named, ['x-amz-copy-source-if-match', etag]];
  }
}
