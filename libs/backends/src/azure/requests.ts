import { BackendError, isBackendError } from '../errors.js';
import type { Call } from '../object-backend.js';
import type { Wire, WireAnswer } from '../wire/index.js';
import { AzureAccess } from './access.js';
import type { Proof } from './access.js';
import type { AzureConfig } from './config.js';
import { answerFailure, assertFromAzure } from './errors.js';

/** The version of the REST API that is spoken: the first with everything used here is 2021-12-02, which brought the tier Cold. */
const API_VERSION = '2024-11-04';
/** Refusals and block lists are far smaller. */
const ERROR_BYTES = 256 * 1024;

/** One request of the data path, to a blob. */
export interface AzureRequest {
  /** For messages: `put`, `read`. */
  readonly verb: string;
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE';
  readonly container: string;
  readonly key: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
  readonly contentLength?: number;
}

/** Signs and sends the requests of one backend's data path, and turns refusals into the port's failures. */
export class AzureClient {
  readonly backend: string;
  readonly #wire: Wire;
  readonly #access: AzureAccess;

  constructor(
    readonly config: AzureConfig,
    wire: Wire,
    access: AzureAccess,
  ) {
    this.backend = config.name;
    this.#wire = wire;
    this.#access = access;
  }

  /**
   * Resolves with a success whose body must be consumed or discarded; fails with `BackendError` otherwise. Where a token is refused that should
   * hold, it is sent once again with another.
   */
  async send(request: AzureRequest, call: Call): Promise<WireAnswer> {
    const { proof, outcome } = await this.#attempt(request, call);
    if (!(outcome instanceof BackendError)) return outcome;
    // A stream has been read: it cannot be sent again, but the next call brings another token.
    const others = isBackendError(outcome, 'denied') && this.#access.refused(proof);
    if (!others || (request.body !== undefined && !(request.body instanceof Uint8Array))) throw outcome;
    const { outcome: second } = await this.#attempt(request, call);
    if (second instanceof BackendError) throw second;
    return second;
  }

  async #attempt(
    request: AzureRequest,
    call: Call,
  ): Promise<{ readonly proof: Proof; readonly outcome: WireAnswer | BackendError }> {
    const { method, verb, container, key, query = {}, body, contentLength } = request;
    const path = this.#path(container, key);
    const length = body instanceof Uint8Array ? body.byteLength : (contentLength ?? 0);
    const headers: Record<string, string> = {
      'x-ms-date': new Date().toUTCString(),
      'x-ms-version': API_VERSION,
      'x-ms-client-request-id': call.requestId,
      ...request.headers,
    };
    const proof = await this.#access.prove(call, { method, path, query, headers, contentLength: length });
    if (proof.authorization !== undefined) headers['authorization'] = proof.authorization;
    const answer = await this.#wire.send(
      {
        method,
        path: path + queryString(query, proof.query),
        headers,
        ...(body === undefined ? {} : { body, contentLength: contentLength ?? length }),
      },
      call,
    );
    const action = `${verb} ${key} in ${container}`;
    if (answer.status < 300) {
      if (answer.headers['x-ms-request-id'] === undefined) answer.body.discard();
      assertFromAzure(answer.headers, this.backend, action);
      return { proof, outcome: answer };
    }
    const text = Buffer.from(await answer.body.collect(ERROR_BYTES)).toString();
    const { backend } = this;
    return { proof, outcome: answerFailure({ backend, action, status: answer.status, headers: answer.headers, text }) };
  }

  /** Like `send`, for requests whose answer is all in its headers. */
  async sendPlain(request: AzureRequest, call: Call): Promise<Readonly<Record<string, string>>> {
    const answer = await this.send(request, call);
    await answer.body.collect(ERROR_BYTES);
    return answer.headers;
  }

  /** The headers with which Azure reads one blob as the source of another request. They are a credential. */
  async sourceHeaders(container: string, key: string, call: Call): Promise<Record<string, string>> {
    const url = `${this.config.origin}${this.#path(container, key)}`;
    return await this.#access.proveSource(call, { url, container, key });
  }

  async close(): Promise<void> {
    await this.#wire.close();
  }

  #path(container: string, key: string): string {
    const { backend } = this;
    // Anything else would name another resource than a blob: a container, or the account.
    if (!/^(?:[a-z0-9-]{3,63}|\$root|\$web|\$logs)$/.test(container))
      throw new BackendError('invalid', `not a container name: ${JSON.stringify(container)}`, { backend });
    if (key === '' || !key.isWellFormed())
      throw new BackendError('invalid', 'a key must be well-formed Unicode of at least one character', { backend });
    const blob = encodeURIComponent(key).replaceAll('%2F', '/');
    return `${this.config.basePath}/${container}/${blob}`;
  }
}

function queryString(query: Readonly<Record<string, string>>, proof: string | undefined): string {
  const pairs = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  if (proof !== undefined) pairs.push(proof);
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

/** A tag of HTTP without its quotes. */
export function unquoted(etag: string): string {
  return etag.replace(/^"(.*)"$/, '$1');
}

/** Azure's ETags look like `0x8DC9A8F3D2E1B40`; anything else, `*` above all, must not reach a condition. */
const ETAG = /^[A-Za-z0-9_-]+$/;

/** A condition on the write that a token names. Fails with `precondition` on what can be no token of Azure's: no such write stands. */
export function ifToken(backend: string, token: string): Record<'if-match', string> {
  if (!ETAG.test(token)) throw new BackendError('precondition', 'no write has such a token', { backend });
  return { 'if-match': `"${token}"` };
}
