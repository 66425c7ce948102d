import { z } from 'zod';
import { BackendError } from '../errors.js';
import { createWire, isLinkLocal } from '../wire/index.js';
import type { Line } from '../wire/index.js';
import { parseJson } from './errors.js';

/** Reading, writing and deleting objects and containers, nothing about other users' rights. */
export const SCOPE = 'https://www.googleapis.com/auth/devstorage.full_control';
const EXCHANGE_MS = 30_000;
const ANSWER_BYTES = 64 * 1024;

const refused = z.object({ error: z.string(), error_description: z.string().optional() });
/** Google's other APIs wrap it. */
const refusedByApi = z
  .object({ error: z.object({ status: z.string(), message: z.string() }) })
  .transform(({ error }) => ({ error: error.status, error_description: error.message }));

export interface TokenRequest {
  readonly url: URL;
  /** For whom, as a message says it. */
  readonly who: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Absent: a GET. */
  readonly body?: string;
}

/** Asks those who issue tokens, over the backend's line; this machine's own metadata service directly. */
export class TokenEndpoint {
  readonly #closing: Promise<void>[] = [];

  constructor(
    private readonly backend: string,
    private readonly line: Line,
  ) {}

  /** The document of an answer that is a success. `denied` where it is refused, `throttled` or `unavailable` where nobody gives a usable answer. */
  async post<Schema extends z.ZodType>(request: TokenRequest, schema: Schema): Promise<z.output<Schema>> {
    const { status, text } = await this.#send(request);
    const document = parseJson(text);
    const parsed = schema.safeParse(document);
    if (status === 200 && parsed.success) return parsed.data;
    throw this.#refusal(request, status, document);
  }

  /** The text of one. */
  async get(request: TokenRequest): Promise<string> {
    const { status, text } = await this.#send(request);
    if (status === 200) return text;
    throw this.#refusal(request, status, parseJson(text));
  }

  async close(): Promise<void> {
    await Promise.all(this.#closing);
  }

  async #send({ url, headers, body }: TokenRequest): Promise<{ status: number; text: string }> {
    // Only the source of an identity token is asked there, by GET; an address that came with a key is no leave to.
    const own = body === undefined && isLinkLocal(url.hostname);
    const line: Line = own ? { linkLocal: true } : this.line;
    const wire = createWire({ backend: this.backend, origin: url.origin, connections: 1, line });
    try {
      const answer = await wire.send(
        {
          method: body === undefined ? 'GET' : 'POST',
          path: url.pathname + url.search,
          headers,
          ...(body === undefined ? {} : { body: Buffer.from(body) }),
        },
        { requestId: 'access-token', deadlineMs: EXCHANGE_MS },
      );
      return { status: answer.status, text: Buffer.from(await answer.body.collect(ANSWER_BYTES)).toString() };
    } finally {
      this.#closing.push(wire.close());
    }
  }

  #refusal({ url, who }: TokenRequest, status: number, document: unknown): BackendError {
    const { backend } = this;
    const { data } = z.union([refused, refusedByApi]).safeParse(document);
    const said = data ? [data.error, data.error_description].filter(Boolean).join(': ') : `status ${status}`;
    const message = `backend ${backend} got no access token for ${who} from ${url.host}: ${said}`;
    const kind = status === 429 ? 'throttled' : data && status >= 400 && status < 500 ? 'denied' : 'unavailable';
    return new BackendError(kind, message, { backend, ...(data ? { vendorCode: data.error } : {}) });
  }
}
