import type { Call } from '../object-backend.js';
import type { Wire, WireAnswer } from '../wire/index.js';
import { percentEncode } from './signer.js';

/** What the SDK hands to its transport, of which this much is used. */
export interface SdkRequest {
  readonly method: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[] | null>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface SdkResponse {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  readonly body: Uint8Array;
}

/** The options of one command, as the SDK hands them on to its transport. */
export interface SendOptions {
  readonly abortSignal?: AbortSignal;
  readonly requestTimeout?: number;
}

/** What the SDK takes for its transport. */
export interface SdkHandler {
  handle(request: SdkRequest): Promise<{ response: SdkResponse }>;
  destroy(): void;
}

/** Documents of credentials are far smaller. */
const STS_ANSWER_BYTES = 256 * 1024;
const STS_MS = 10_000;

/** The SDK's requests over the wires of the data path: the same connections, authorities and proxy, and the same meaning of deadlines and failures. */
export class SdkTransport {
  constructor(private readonly wireTo: (origin: string) => Wire) {}

  async send(request: SdkRequest, options: SendOptions): Promise<WireAnswer> {
    const port = request.port === undefined ? '' : `:${request.port}`;
    const headers = Object.entries(request.headers).filter(([name]) => name.toLowerCase() !== 'content-length');
    const query = queryOnTheLine(request.query ?? {});
    return await this.wireTo(`${request.protocol}//${request.hostname}${port}`).send(
      {
        method: request.method,
        path: query ? `${request.path}?${query}` : request.path,
        headers: headers.flat(),
        ...bodyOf(request.body),
      },
      callOf(options),
    );
  }

  /** For a client whose refusals the SDK itself reads. */
  handler(): SdkHandler {
    return {
      handle: async (request) => {
        const { status, headers, body } = await this.send(request, { requestTimeout: STS_MS });
        const bytes = await body.collect(STS_ANSWER_BYTES);
        return { response: { statusCode: status, headers: { ...headers }, body: bytes } };
      },
      destroy: () => undefined,
    };
  }
}

function callOf({ abortSignal, requestTimeout }: SendOptions): Call {
  return {
    requestId: '',
    ...(abortSignal === undefined ? {} : { signal: abortSignal }),
    ...(requestTimeout === undefined ? {} : { deadlineMs: requestTimeout }),
  };
}

function bodyOf(body: unknown): { body?: Uint8Array } {
  if (body instanceof Uint8Array) return { body };
  return typeof body === 'string' ? { body: Buffer.from(body) } : {};
}

/** As the SDK signed it: names without a value keep their `=`. */
function queryOnTheLine(query: Readonly<Record<string, string | readonly string[] | null>>): string {
  return Object.entries(query)
    .flatMap(([name, value]) => {
      const values: readonly string[] = value === null ? [''] : typeof value === 'string' ? [value] : value;
      return values.map((one) => `${percentEncode(name)}=${percentEncode(one)}`);
    })
    .sort()
    .join('&');
}
