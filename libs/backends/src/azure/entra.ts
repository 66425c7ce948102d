import type { ManagedIdentityCredentialClientIdOptions, TokenCredential } from '@azure/identity';
import { BackendError } from '../errors.js';
import type { Grant } from '../identity/index.js';
import { createWire, isLinkLocal } from '../wire/index.js';
import type { Line, Wire } from '../wire/index.js';
import type { EntraIdentity } from './identity.js';

/** For Azure's own clouds and for private ones alike. */
const SCOPE = 'https://storage.azure.com/.default';
const RENEWAL_MS = 30_000;
const ANSWER_BYTES = 1024 * 1024;

/** An access token of Microsoft Entra ID. */
export interface EntraToken extends Grant {
  readonly token: string;
}

export interface EntraOptions {
  readonly name: string;
  /** Undefined: the public cloud's, or what the environment says. */
  readonly authorityHost: URL | undefined;
  readonly line: Line;
}

/**
 * Asks for a token by Microsoft's own library, which is loaded by the first call. What it asks of Entra ID goes over the backend's line, what it
 * asks of this machine (managed identity) goes there directly. Fails with `denied` where it is refused, else as the line failed.
 */
export async function fetchToken(identity: EntraIdentity, options: EntraOptions): Promise<EntraToken> {
  const { name: backend } = options;
  const transport = new EntraTransport(identity, options);
  try {
    const credential = await credentialOf(identity, options, transport);
    const given = await credential.getToken(SCOPE, { abortSignal: AbortSignal.timeout(RENEWAL_MS) });
    if (given === null) throw new Error('there is none');
    return { token: given.token, expiresAt: given.expiresOnTimestamp };
  } catch (error) {
    const said = error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'no reason given';
    const kind = transport.failure?.kind ?? 'denied';
    const reason = transport.failure === undefined ? said : transport.failure.message;
    throw new BackendError(kind, `backend ${backend} got no access token (${identity.source}): ${reason}`, {
      backend,
      cause: error,
    });
  } finally {
    await transport.close();
  }
}

async function credentialOf(
  identity: EntraIdentity,
  { authorityHost }: EntraOptions,
  httpClient: HttpClient,
): Promise<TokenCredential> {
  const sdk = await import('@azure/identity');
  const { clientId, tenantId, tokenFile: tokenFilePath } = identity;
  const base = {
    httpClient,
    ...(authorityHost === undefined ? {} : { authorityHost: authorityHost.origin, disableInstanceDiscovery: true }),
  };
  const client = clientId === undefined ? {} : { clientId };
  const tenant = tenantId === undefined ? {} : { tenantId };
  if (identity.source === 'managed-identity') return new sdk.ManagedIdentityCredential({ ...base, ...client });
  if (identity.source === 'workload-identity') {
    const file = tokenFilePath === undefined ? {} : { tokenFilePath };
    return new sdk.WorkloadIdentityCredential({ ...base, ...client, ...tenant, ...file });
  }
  const managed = clientId === undefined ? {} : { managedIdentityClientId: clientId };
  return new sdk.DefaultAzureCredential({ ...base, ...managed, ...tenant });
}

type HttpClient = NonNullable<ManagedIdentityCredentialClientIdOptions['httpClient']>;
type PipelineRequest = Parameters<HttpClient['sendRequest']>[0];
type PipelineResponse = Awaited<ReturnType<HttpClient['sendRequest']>>;

/** The library's requests over wires of their own, which live as long as one renewal. */
class EntraTransport implements HttpClient {
  /** The last request that got no answer: the library's own errors do not tell an outage from a refusal. */
  failure: BackendError | undefined;
  readonly #wires = new Map<string, Wire>();

  constructor(
    private readonly identity: EntraIdentity,
    private readonly options: EntraOptions,
  ) {}

  async sendRequest(request: PipelineRequest): Promise<PipelineResponse> {
    const { name: backend } = this.options;
    const url = new URL(request.url);
    const { body } = request;
    if (body !== undefined && body !== null && typeof body !== 'string')
      throw new BackendError('unsupported', 'a request for a token has a body that is no text', { backend });
    const deadlineMs = request.timeout > 0 ? Math.min(request.timeout, RENEWAL_MS) : RENEWAL_MS;
    try {
      const answer = await this.#wireTo(url).send(
        {
          method: request.method,
          path: url.pathname + url.search,
          headers: withoutLength(request.headers.toJSON()),
          ...(typeof body === 'string' && body !== '' ? { body: Buffer.from(body) } : {}),
        },
        { requestId: request.requestId, deadlineMs },
      );
      const bodyAsText = Buffer.from(await answer.body.collect(ANSWER_BYTES)).toString();
      this.failure = undefined;
      return { request, status: answer.status, headers: new AnswerHeaders(answer.headers), bodyAsText };
    } catch (error) {
      if (error instanceof BackendError) this.failure = error;
      throw error;
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#wires.values()].map((wire) => wire.close()));
  }

  #wireTo({ origin, hostname }: URL): Wire {
    const known = this.#wires.get(origin);
    if (known) return known;
    const { name: backend, line } = this.options;
    const own = this.identity.source === 'managed-identity' || isLinkLocal(hostname) || hostname === 'localhost';
    const wire = createWire({ backend, origin, connections: 2, line: own ? { linkLocal: true } : line });
    this.#wires.set(origin, wire);
    return wire;
  }
}

function withoutLength(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'content-length'));
}

type HttpHeaders = PipelineResponse['headers'];

/** The headers of an answer as the library reads them. */
class AnswerHeaders implements HttpHeaders {
  readonly #headers: Map<string, string>;

  constructor(headers: Readonly<Record<string, string>>) {
    this.#headers = new Map(Object.entries(headers));
  }

  get(name: string): string | undefined {
    return this.#headers.get(name.toLowerCase());
  }
  has(name: string): boolean {
    return this.#headers.has(name.toLowerCase());
  }
  set(name: string, value: string | number | boolean): void {
    this.#headers.set(name.toLowerCase(), String(value));
  }
  delete(name: string): void {
    this.#headers.delete(name.toLowerCase());
  }
  toJSON(): Record<string, string> {
    return Object.fromEntries(this.#headers);
  }
  [Symbol.iterator](): Iterator<[string, string]> {
    return this.#headers.entries();
  }
}
