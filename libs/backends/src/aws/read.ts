import { limitsOf } from '#libs/naming';
import { findStorageClass } from '#libs/tiering';
import { BackendError, isBackendError } from '../errors.js';
import type { ByteRange, Call, GetRequest, GetResult, ObjectHead, ObjectRef } from '../object-backend.js';
import type { WireAnswer } from '../wire/index.js';
import { readAttributes } from './attributes.js';
import type { AttributeRules } from './attributes.js';
import type { Control } from './control.js';
import { garbage } from './errors.js';
import { place } from './requests.js';
import type { S3Request, S3Requests } from './requests.js';
import { md5Of, targetOf, tokenOf, unquote } from './tokens.js';

interface Which {
  readonly container: string;
  readonly key: string;
  readonly token?: string;
}

/** Reads and deletes by token: get, head, delete. */
export class Reader {
  readonly #s3: S3Requests;
  readonly #control: Control;
  readonly #rules: AttributeRules;

  constructor(s3: S3Requests, control: Control, rules: AttributeRules) {
    this.#s3 = s3;
    this.#control = control;
    this.#rules = rules;
  }

  /** As the port says. An archived object fails with `conflict` and vendor code `InvalidObjectState`. */
  async get(call: Call, request: GetRequest): Promise<GetResult> {
    const { range } = request;
    const asked = this.#ask('GET', request, range);
    const answer = await this.#read(call, asked);
    try {
      const size = this.#checkExtent(asked, answer, range);
      const head = this.#headOf(request, answer, size);
      const { body } = answer;
      const { whole } = body;
      return { head, body, ...(whole ? { whole } : {}), discard: () => body.discard() };
    } catch (error) {
      answer.body.discard();
      throw error;
    }
  }

  /** Tags kept as the vendor's own take a second call. */
  async head(call: Call, request: Which & { withTags?: boolean }): Promise<ObjectHead> {
    const asked = this.#ask('HEAD', request);
    const answer = await this.#read(call, asked);
    const head = this.#headOf(request, answer, this.#lengthOf(asked, answer));
    if (request.withTags !== true) return head;
    if (this.#rules.capabilities.tags === 'metadata')
      return { ...head, tags: readAttributes(this.#rules.config, answer.headers).keptTags };
    const { versionId } = targetOf(head.token, this.#versioned);
    return { ...head, tags: await this.#control.objectTags(call, request.container, request.key, versionId) };
  }

  /**
   * Removes a write by its VersionId, atomically. Where nothing is versioned: compares the ETag, then removes what stands; another write may
   * come between the two (that is why such containers are `weak`, and the caller holds a lease).
   */
  async delete(call: Call, ref: ObjectRef): Promise<'deleted' | 'absent'> {
    if (!(await this.#stands(call, ref))) return 'absent';
    const { versionId } = targetOf(ref.token, this.#versioned);
    const { container, key } = ref;
    const asked = {
      method: 'DELETE',
      action: `delete ${place(container, key)}`,
      container,
      key,
      query: { versionId },
    } as const;
    try {
      const answer = await this.#s3.expect(call, asked);
      answer.body.discard();
      return 'deleted';
    } catch (error) {
      if (isBackendError(error, 'not-found')) return 'absent';
      throw error;
    }
  }

  /** Whether the token still names something: a write, or a delete marker. DELETE itself answers 204 either way. */
  async #stands(call: Call, ref: ObjectRef): Promise<boolean> {
    const asked = this.#ask('HEAD', ref);
    const answer = await this.#s3.send(call, asked);
    if (isMarker(answer)) return true;
    if (answer.status < 300) {
      if (answer.headers['etag'] === undefined) throw garbage(this.#s3.config.name, asked.action);
      return true;
    }
    const failure = await this.#s3.failureOf(asked, answer);
    if (failure.kind === 'not-found' || failure.kind === 'precondition') return false;
    throw failure;
  }

  get #versioned(): boolean {
    return this.#rules.config.quirks.versioning;
  }

  #ask(method: 'GET' | 'HEAD', which: Which, range?: ByteRange): S3Request {
    const { container, key } = which;
    const { versionId, etag } = targetOf(which.token, this.#versioned);
    const headers: [string, string][] = [];
    if (etag !== undefined) headers.push(['if-match', etag]);
    if (range) headers.push(['range', `bytes=${range.start}-${range.end}`]);
    return { method, action: `read ${place(container, key)}`, container, key, query: { versionId }, headers };
  }

  async #read(call: Call, asked: S3Request): Promise<WireAnswer> {
    const answer = await this.#s3.send(call, asked);
    if (answer.status === 200 || answer.status === 206) return answer;
    const failure = await this.#s3.failureOf(asked, answer);
    if (!isMarker(answer) || failure.kind === 'not-found') throw failure;
    // Asked for by its VersionId, a delete marker answers 405.
    throw new BackendError('not-found', `${asked.action}: a delete marker stands there`, {
      backend: this.#s3.config.name,
      cause: failure,
    });
  }

  /** That the answer is the extent asked for. Answers the size of the whole object. */
  #checkExtent(asked: S3Request, answer: WireAnswer, range: ByteRange | undefined): number {
    const length = this.#lengthOf(asked, answer);
    if (!range) {
      if (answer.status !== 200) throw garbage(this.#s3.config.name, asked.action);
      return length;
    }
    const [, start, end, size] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(answer.headers['content-range'] ?? '') ?? [];
    const asAsked =
      Number(start) === range.start && Number(end) === range.end && length === range.end - range.start + 1;
    if (answer.status !== 206 || !asAsked)
      throw garbage(this.#s3.config.name, `${asked.action} from ${range.start} to ${range.end}`);
    return Number(size);
  }

  #lengthOf(asked: S3Request, answer: WireAnswer): number {
    const length = answer.headers['content-length'];
    if (length === undefined || !/^\d+$/.test(length)) throw garbage(this.#s3.config.name, asked.action);
    return Number(length);
  }

  #headOf(which: Which, { headers }: WireAnswer, size: number): ObjectHead {
    const { config, capabilities } = this.#rules;
    const lastModified = new Date(headers['last-modified'] ?? '');
    if (headers['etag'] === undefined || Number.isNaN(lastModified.getTime()))
      throw garbage(config.name, `read ${place(which.container, which.key)}`);
    const vendorEtag = unquote(headers['etag']);
    const storageClass = headers['x-amz-storage-class'] ?? capabilities.storageClasses[0] ?? 'STANDARD';
    const { headers: standard, metadata, writeId } = readAttributes(config, headers);
    const md5 = limitsOf(config.vendor).reliableMultipartEtag ? md5Of(vendorEtag, headers) : undefined;
    return {
      container: which.container,
      key: which.key,
      token: tokenOf(headers['x-amz-version-id'], vendorEtag),
      vendorEtag,
      size,
      ...(md5 === undefined ? {} : { md5 }),
      lastModified,
      storageClass,
      headers: standard,
      metadata,
      ...(writeId === undefined ? {} : { writeId }),
      ...(this.#isArchived(storageClass, headers) ? { archived: true } : {}),
    };
  }

  /** In a class that needs a restore, and no restored copy is there; or moved to an archive tier by Intelligent-Tiering. */
  #isArchived(storageClass: string, headers: Readonly<Record<string, string>>): boolean {
    if (headers['x-amz-restore']?.includes('ongoing-request="false"')) return false;
    if (headers['x-amz-archive-status'] !== undefined) return true;
    return findStorageClass(this.#rules.config.vendor, storageClass)?.retrieval === 'restore';
  }
}

function isMarker(answer: WireAnswer): boolean {
  return answer.status >= 400 && answer.headers['x-amz-delete-marker'] === 'true';
}
