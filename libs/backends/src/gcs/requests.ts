import type { z } from 'zod';
import { BackendError } from '../errors.js';
import type { Call, ObjectHead, WriteResult } from '../object-backend.js';
import { createWire } from '../wire/index.js';
import type { Wire, WireAnswer } from '../wire/index.js';
import { attributesOf } from './attributes.js';
import type { AccessTokens } from './authorization.js';
import type { GcsConfig } from './config.js';
import { answerFailure, garbage, parseJson } from './errors.js';
import type { ObjectResource } from './resource.js';

export interface GcsRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** What the request is for, as a message says it: `read a/b in c`. */
  readonly action: string;
  /** Encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
  readonly contentLength?: number;
}

/** The most of an error that is read. */
const ERROR_BYTES = 256 * 1024;
/** The most of a JSON answer: a page of 1,000 objects with all their metadata stays below. */
const JSON_BYTES = 32 * 1024 * 1024;

/** Requests to the JSON API, made by hand. One pool of connections. */
export class GcsRequests {
  readonly config: GcsConfig;
  readonly #tokens: AccessTokens;
  readonly #wire: Wire;

  constructor(config: GcsConfig, tokens: AccessTokens) {
    this.config = config;
    this.#tokens = tokens;
    const { name: backend, endpoint, connections, line } = config;
    this.#wire = createWire({ backend, origin: endpoint.origin, connections, line });
  }

  /** Sends a request; resolves with whatever GCS answers. Where it refuses a token that should hold, it is sent once again with another. */
  async send(call: Call, request: GcsRequest): Promise<WireAnswer> {
    const authorization = await this.#tokens.header(call);
    const answer = await this.#send(call, request, authorization);
    if (answer.status !== 401 || authorization === undefined || !this.#tokens.refused(authorization)) return answer;
    // A stream has been read: it cannot be sent again, but the next call brings another token.
    if (request.body !== undefined && !(request.body instanceof Uint8Array)) return answer;
    answer.body.discard();
    return await this.#send(call, request, await this.#tokens.header(call));
  }

  async #send(call: Call, request: GcsRequest, authorization: string | undefined): Promise<WireAnswer> {
    const query = encodeQuery(request.query ?? {});
    const body = request.json === undefined ? request.body : Buffer.from(JSON.stringify(request.json));
    return await this.#wire.send(
      {
        method: request.method,
        path: query === '' ? request.path : `${request.path}?${query}`,
        headers: {
          ...(authorization === undefined ? {} : { authorization }),
          ...(request.json === undefined ? {} : { 'content-type': 'application/json; charset=UTF-8' }),
          ...request.headers,
        },
        ...(body === undefined ? {} : { body }),
        ...(request.contentLength === undefined ? {} : { contentLength: request.contentLength }),
      },
      call,
    );
  }

  /** Sends a request that must succeed; anything but a 2xx fails as `errors.ts` says. */
  async expect(call: Call, request: GcsRequest): Promise<WireAnswer> {
    const answer = await this.send(call, request);
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw await this.failureOf(request.action, answer);
  }

  /** Sends a request whose success is a JSON document of this form; anything else is `unavailable`. */
  async expectJson<Schema extends z.ZodType>(
    call: Call,
    request: GcsRequest,
    schema: Schema,
  ): Promise<z.output<Schema>> {
    return await this.readJson(request.action, await this.expect(call, request), schema);
  }

  async readJson<Schema extends z.ZodType>(
    action: string,
    answer: WireAnswer,
    schema: Schema,
  ): Promise<z.output<Schema>> {
    const text = Buffer.from(await answer.body.collect(JSON_BYTES)).toString();
    const parsed = schema.safeParse(parseJson(text));
    if (!parsed.success) throw garbage(this.config.name, action);
    return parsed.data;
  }

  /** Reads an answer that is a refusal, and says what it means. */
  async failureOf(action: string, answer: WireAnswer): Promise<BackendError> {
    const { status, headers } = answer;
    const text = Buffer.from(await answer.body.collect(ERROR_BYTES)).toString();
    return answerFailure({ backend: this.config.name, action, status, headers, text });
  }

  /** The path of a container, below `/storage/v1` or an upload's or download's own beginning. Fails with `invalid` on what no URL can hold. */
  containerPath(container: string, under = '/storage/v1'): string {
    return `${under}/b/${this.#segment(container, 'container')}`;
  }

  objectPath(container: string, key: string): string {
    return `${this.containerPath(container)}/o/${this.#segment(key, 'key')}`;
  }

  uploadPath(container: string): string {
    return `${this.containerPath(container, '/upload/storage/v1')}/o`;
  }

  async close(): Promise<void> {
    await this.#wire.close();
  }

  #segment(text: string, what: string): string {
    const { name: backend } = this.config;
    if (text === '' || !text.isWellFormed())
      throw new BackendError('invalid', `the ${what} is ${text === '' ? 'empty' : 'not well-formed Unicode'}`, {
        backend,
      });
    // As they are, `.` and `..` would be taken for steps of the path.
    return /^\.{1,2}$/.test(text) ? text.replaceAll('.', '%2E') : encodeURIComponent(text);
  }
}

function encodeQuery(query: NonNullable<GcsRequest['query']>): string {
  return Object.entries(query)
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`]))
    .join('&');
}

/** Quotes are the header's, not the ETag's. */
export function vendorEtagOf({ etag }: ObjectResource): string {
  return etag.replace(/^"|"$/g, '');
}

function md5Of({ md5Hash }: ObjectResource): { md5?: string } {
  const md5 = Buffer.from(md5Hash ?? '', 'base64');
  return md5.byteLength === 16 ? { md5: md5.toString('hex') } : {};
}

/** What a write answers, from the resource it made. */
export function resultOf(resource: ObjectResource): WriteResult {
  const { generation, size, storageClass } = resource;
  return { token: generation, vendorEtag: vendorEtagOf(resource), size, ...md5Of(resource), storageClass };
}

/** The head of an object, without its tags. Its bytes can be read in every class: GCS has none that needs a restore. */
export function headOf(container: string, resource: ObjectResource): ObjectHead {
  const { name: key, updated: lastModified } = resource;
  const { headers, metadata, writeId } = attributesOf(resource);
  const head = { container, key, ...resultOf(resource), lastModified, headers, metadata };
  return writeId === undefined ? head : { ...head, writeId };
}
