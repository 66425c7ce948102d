import { BackendError } from '../errors.js';
import type { Call } from '../object-backend.js';
import { createWire, heldBody } from '../wire/index.js';
import type { Wire, WireAnswer } from '../wire/index.js';
import type { AwsConfig } from './config.js';
import { AwsCredentials, saysEnded } from './credentials.js';
import { answerFailure, garbage, isForeign } from './errors.js';
import type { AwsKeys } from './identity.js';
import { SdkTransport } from './sdk-transport.js';
import { encodeKeyPath, encodeQuery, Signer } from './signer.js';
import { parseFlatXml } from './xml.js';
import type { FlatXml } from './xml.js';

export type HeaderList = readonly (readonly [name: string, value: string])[];

export interface S3Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** What the request is for, as a message says it: `read a/b in c`. */
  readonly action: string;
  readonly container: string;
  readonly key: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  /** Names in lower case. */
  readonly headers?: HeaderList;
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
  readonly contentLength?: number;
}

/** An object as messages name it. A key may hold line feeds, or look like the rest of the message: hence the quotes. */
export function place(container: string, key: string): string {
  return `${JSON.stringify(key)} in ${container}`;
}

/** The most of an error, or of another short answer, that is read. */
const SHORT_ANSWER_BYTES = 256 * 1024;

/** The signed requests of the data path. One pool of connections a host name: one in path style, one a container in virtual-host style. */
export class S3Requests {
  readonly config: AwsConfig;
  readonly transport: SdkTransport;
  readonly credentials: AwsCredentials;
  readonly #wires = new Map<string, Wire>();
  #signing: { readonly keys: AwsKeys; readonly signer: Signer } | undefined;

  constructor(config: AwsConfig, now?: () => number) {
    this.config = config;
    this.transport = new SdkTransport((origin) => this.wireTo(origin));
    this.credentials = new AwsCredentials(config, this.transport, now);
  }

  /** The connections to an origin of this backend. */
  wireTo(origin: string): Wire {
    const known = this.#wires.get(origin);
    if (known) return known;
    const { name: backend, connections, line } = this.config;
    const wire = createWire({ backend, origin, connections, line });
    this.#wires.set(origin, wire);
    return wire;
  }

  /** Sends a request; resolves with whatever the vendor answers. Where it says that temporary keys hold no more, it is sent once again with others. */
  async send(call: Call, request: S3Request): Promise<WireAnswer> {
    const keys = this.credentials.current() ?? (await this.credentials.get(call));
    const answer = await this.#send(call, request, keys);
    if (!this.credentials.renewable || !REFUSALS.has(answer.status)) return answer;
    const { again, ended } = await examined(request, answer);
    // A stream has been read: it cannot be sent again, but the next call brings other keys.
    const others = ended && this.credentials.refused(keys.accessKey);
    if (!others || (request.body !== undefined && !(request.body instanceof Uint8Array))) return again;
    return await this.#send(call, request, await this.credentials.get(call));
  }

  #send(call: Call, request: S3Request, keys: AwsKeys): Promise<WireAnswer> {
    const { endpoint, addressing } = this.config;
    const inHost = addressing === 'virtual-host' && !request.container.includes('.');
    const host = inHost ? `${request.container}.${endpoint.host}` : endpoint.host;
    const path = `${inHost ? '' : `/${encodeKeyPath(request.container)}`}/${this.#encodeKey(request.key)}`;
    const query = encodeQuery(request.query ?? {});
    const headers = this.#signerOf(keys).sign({
      method: request.method,
      host,
      path,
      query,
      headers: request.headers ?? [],
    });
    return this.wireTo(`${endpoint.protocol}//${host}`).send(
      {
        method: request.method,
        path: query ? `${path}?${query}` : path,
        // Of one text: to ask each of some twenty costs more than to put them together.
        headers: isAscii(headers.join('')) ? headers : headers.map(utf8OnTheLine),
        ...(request.body === undefined ? {} : { body: request.body }),
        ...(request.contentLength === undefined ? {} : { contentLength: request.contentLength }),
      },
      call,
    );
  }

  /** Sends a request that must succeed; anything but a 2xx fails as `errors.ts` says. */
  async expect(call: Call, request: S3Request): Promise<WireAnswer> {
    const answer = await this.send(call, request);
    if (answer.status < 200 || answer.status >= 300) throw await this.failureOf(request, answer);
    // An object may well be HTML; the answer to a change is not.
    if (request.method === 'GET' || request.method === 'HEAD' || !isForeign(answer.headers)) return answer;
    answer.body.discard();
    throw garbage(this.config.name, request.action);
  }

  /**
   * Sends a request whose success is a short document whose root element begins with `root` (servers end it in `Result` or `Response`). An error
   * inside a 200, which copies and completions may answer, fails.
   */
  async expectXml(call: Call, request: S3Request, root: string): Promise<{ answer: WireAnswer; xml: FlatXml }> {
    const answer = await this.expect(call, request);
    const text = Buffer.from(await answer.body.collect(SHORT_ANSWER_BYTES)).toString();
    const xml = parseFlatXml(text);
    if (xml?.root.startsWith(root)) return { answer, xml };
    const { name: backend } = this.config;
    const { action } = request;
    throw xml?.root === 'Error'
      ? answerFailure({ backend, action, status: answer.status, headers: answer.headers, text })
      : garbage(backend, action);
  }

  /** Reads an answer that is a refusal, and says what it means. */
  async failureOf(request: S3Request, answer: WireAnswer): Promise<BackendError> {
    const { status, headers } = answer;
    const bytes = await answer.body.collect(SHORT_ANSWER_BYTES);
    const text = request.method === 'HEAD' ? undefined : Buffer.from(bytes).toString();
    return answerFailure({ backend: this.config.name, action: request.action, status, headers, text });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#wires.values()].map((wire) => wire.close()));
  }

  #signerOf(keys: AwsKeys): Signer {
    if (this.#signing?.keys === keys) return this.#signing.signer;
    const signer = new Signer({ ...keys, region: this.config.region });
    this.#signing = { keys, signer };
    return signer;
  }

  #encodeKey(key: string): string {
    if (key.isWellFormed()) return encodeKeyPath(key);
    throw new BackendError('invalid', 'the key is not well-formed Unicode', { backend: this.config.name });
  }
}

/** With which an end of the keys is told: S3 says 400 or 403, others 401. */
const REFUSALS: ReadonlySet<number> = new Set([400, 401, 403]);

/** Reads a refusal, and gives it back as if it had not been read. */
async function examined(request: S3Request, answer: WireAnswer): Promise<{ again: WireAnswer; ended: boolean }> {
  const bytes = await answer.body.collect(SHORT_ANSWER_BYTES);
  const again = { ...answer, body: heldBody(bytes) };
  if (request.method === 'HEAD') return { again, ended: saysEnded(answer.headers['x-minio-error-code']) };
  const code = parseFlatXml(Buffer.from(bytes).toString())?.texts['Code'];
  return { again, ended: code !== undefined && saysEnded(code) };
}

/** HTTP libraries write header text byte by byte as Latin-1: other text goes out as its UTF-8 bytes, which is what was signed. */
function utf8OnTheLine(text: string): string {
  return isAscii(text) ? text : Buffer.from(text).toString('latin1');
}

/** The inverse, for headers that came in. Bytes that are not UTF-8 stay Latin-1. */
export function utf8FromTheLine(text: string): string {
  if (isAscii(text)) return text;
  const decoded = Buffer.from(text, 'latin1').toString();
  return decoded.includes('\uFFFD') ? text : decoded;
}

function isAscii(text: string): boolean {
  return !/[^ -~\t]/.test(text);
}
