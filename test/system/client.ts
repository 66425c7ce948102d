export interface ClientOptions {
  readonly url: string;
  readonly accessKey: string;
  readonly secretKey: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
  /** The body read as JSON; fails where it is none. */
  json(): unknown;
  text(): string;
}

export interface RequestOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string | AsyncIterable<Uint8Array>;
  readonly json?: unknown;
  readonly signal?: AbortSignal;
}

/** A plain client of the REST APIs: Basic authentication, keys percent-encoded with `/` kept, no retries. */
export class Client {
  constructor(private readonly options: ClientOptions) {}

  get authorization(): string {
    return `Basic ${Buffer.from(`${this.options.accessKey}:${this.options.secretKey}`).toString('base64')}`;
  }

  url(path: string): string {
    return `${this.options.url}${path}`;
  }

  async send(method: string, path: string, options: RequestOptions = {}): Promise<Answer> {
    const headers: Record<string, string> = { authorization: this.authorization, ...options.headers };
    if (options.json !== undefined) headers['content-type'] = 'application/json';
    const body = options.json === undefined ? options.body : JSON.stringify(options.json);
    const init: RequestInit & { duplex?: 'half' } = {
      method,
      headers,
      redirect: 'manual',
      ...(options.signal ? { signal: options.signal } : {}),
    };
    if (body !== undefined) {
      init.body = body as NonNullable<RequestInit['body']>;
      init.duplex = 'half';
    }
    const response = await fetch(this.url(path), init);
    const bytes = Buffer.from(await response.arrayBuffer());
    return {
      status: response.status,
      headers: response.headers,
      bytes,
      json: () => JSON.parse(bytes.toString('utf8')) as unknown,
      text: () => bytes.toString('utf8'),
    };
  }

  /** Fails unless the answer has this status; the message holds the answer. */
  async expect(status: number, method: string, path: string, options: RequestOptions = {}): Promise<Answer> {
    const answer = await this.send(method, path, options);
    if (answer.status !== status)
      throw new Error(`${method} ${path} answered ${answer.status}, not ${status}: ${answer.text().slice(0, 500)}`);
    return answer;
  }
}

/** The path of an object: keys percent-encoded, `/` kept. */
export function objectPath(bucket: string, key: string): string {
  return `/v1/${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`;
}
