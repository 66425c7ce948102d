import { Readable } from 'node:stream';
import { Pool } from 'undici';

export interface RawRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  /** As it goes over the wire: no part of it is normalised, so that keys like `..` arrive. */
  readonly path: string;
  /** Values as text; they go as UTF-8. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  /** Sends the body in chunks, without its length. */
  readonly chunked?: boolean;
}

export interface RawAnswer {
  readonly status: number;
  /** By lower-case name; values as text. */
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Buffer;
  json(): unknown;
}

/** A client of the bucket API that sends paths and headers as they are given: `fetch` would resolve dot segments and refuse UTF-8 in headers. To be closed. */
export class RawClient {
  readonly #pool: Pool;

  constructor(
    origin: string,
    private readonly authorization: string,
  ) {
    this.#pool = new Pool(origin, { connections: 8 });
  }

  async send({ method, path, headers, body, chunked }: RawRequest): Promise<RawAnswer> {
    const wire: Record<string, string> = { authorization: this.authorization };
    for (const [name, value] of Object.entries(headers ?? {})) wire[name] = Buffer.from(value).toString('latin1');
    const sent = typeof body === 'string' ? Buffer.from(body) : body;
    const answer = await this.#pool.request({
      method,
      path,
      headers: wire,
      body: sent === undefined ? null : chunked ? Readable.from(pieces(sent)) : sent,
    });
    const bytes = Buffer.from(await answer.body.arrayBuffer());
    const received = Object.entries(answer.headers).map(([name, value]) => [name, textOf(String(value))]);
    return {
      status: answer.statusCode,
      headers: Object.fromEntries(received) as Record<string, string>,
      bytes,
      json: () => JSON.parse(bytes.toString('utf8')) as unknown,
    };
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  const size = 100_000;
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
}

/** A header's value, whose bytes the parser may have read as latin1. */
function textOf(value: string): string {
  if (!/[\u0080-\u00ff]/.test(value) || /[\u0100-\uffff]/.test(value)) return value;
  const bytes = Buffer.from(value, 'latin1');
  const text = bytes.toString('utf8');
  return Buffer.from(text, 'utf8').equals(bytes) ? text : value;
}
