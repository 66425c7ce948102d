import { createHmac, hash } from 'node:crypto';
import type { Revealable } from '../definition.js';
import { HmacSha256 } from './hmac-sha256.js';

/** What the signature covers: everything given here. */
export interface Signable {
  readonly method: string;
  readonly host: string;
  /** Already encoded: for S3 the path on the line is the canonical one. */
  readonly path: string;
  /** Already encoded and sorted by name. */
  readonly query: string;
  /** Names in lower case; values as they go on the line, in UTF-8. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

export interface SignerOptions {
  readonly accessKey: string;
  readonly secretKey: Revealable;
  readonly sessionToken?: Revealable | undefined;
  readonly region: string;
  readonly now?: () => Date;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';

/** What is the same for all requests of one second. */
interface Moment {
  readonly second: number;
  /** As in `x-amz-date`. */
  readonly time: string;
  readonly scope: string;
}

/**
 * AWS Signature Version 4 in an Authorization header, for S3 (docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html): the path is
 * encoded once and not normalised. The payload is not signed (`UNSIGNED-PAYLOAD`): TLS, Content-MD5 and the length guard it. The derived key
 * changes once a day, the texts of the time once a second: both are kept.
 */
export class Signer {
  readonly #options: SignerOptions;
  #moment: Moment = { second: Number.NaN, time: '', scope: '' };
  #day = '';
  #key: HmacSha256 | undefined;

  constructor(options: SignerOptions) {
    this.#options = options;
  }

  /** The headers of the request, the ones that authorize it added: names and values in turn. */
  sign(request: Signable, payloadHash = 'UNSIGNED-PAYLOAD'): string[] {
    const { accessKey, sessionToken, now } = this.#options;
    const { time, scope } = this.#at(now?.().getTime() ?? Date.now());
    const headers: (readonly [name: string, value: string])[] = [
      ...request.headers,
      ['host', request.host],
      ['x-amz-content-sha256', payloadHash],
      ['x-amz-date', time],
    ];
    if (sessionToken) headers.push(['x-amz-security-token', sessionToken.reveal()]);
    const { names, lines } = canonical(headers);
    const digest = hash(
      'sha256',
      `${request.method}\n${request.path}\n${request.query}\n${lines}\n${names}\n${payloadHash}`,
      'hex',
    );
    const signature = this.#keyOf(time.slice(0, 8)).hex(`${ALGORITHM}\n${time}\n${scope}\n${digest}`);
    const signed: string[] = [];
    for (const [name, value] of headers) signed.push(name, value);
    signed.push(
      'authorization',
      `${ALGORITHM} Credential=${accessKey}/${scope}, SignedHeaders=${names}, Signature=${signature}`,
    );
    return signed;
  }

  #at(milliseconds: number): Moment {
    const second = Math.floor(milliseconds / 1000);
    if (this.#moment.second === second) return this.#moment;
    const time = new Date(second * 1000).toISOString().replace(/[-:]|\.\d+/g, '');
    this.#moment = { second, time, scope: `${time.slice(0, 8)}/${this.#options.region}/s3/aws4_request` };
    return this.#moment;
  }

  #keyOf(day: string): HmacSha256 {
    if (this.#key && day === this.#day) return this.#key;
    let key = Buffer.from(`AWS4${this.#options.secretKey.reveal()}`);
    for (const part of [day, this.#options.region, 's3', 'aws4_request'])
      key = createHmac('sha256', key).update(part).digest();
    this.#day = day;
    this.#key = new HmacSha256(key);
    return this.#key;
  }
}

/** The headers as they are signed: sorted, and the list of their names. */
function canonical(headers: Signable['headers']): { readonly names: string; readonly lines: string } {
  const sorted = headers.toSorted(([a], [b]) => (a < b ? -1 : Number(a > b)));
  let names = '';
  let lines = '';
  for (const [name, value] of sorted) {
    names += names === '' ? name : `;${name}`;
    lines += `${name}:${singleSpaced(value.trim())}\n`;
  }
  return { names, lines };
}

function singleSpaced(value: string): string {
  return value.includes('  ') ? value.replace(/ +/g, ' ') : value;
}

/** Most names and keys need no encoding, and to see that costs a tenth of doing it. */
const UNRESERVED = /^[\w.~-]*$/;
const UNRESERVED_PATH = /^[\w.~/-]*$/;

/** RFC 3986: everything but unreserved characters is percent-encoded, as SigV4 wants it. Fails on text that is not well-formed Unicode. */
export function percentEncode(text: string): string {
  if (UNRESERVED.test(text)) return text;
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

export function encodeKeyPath(key: string): string {
  return UNRESERVED_PATH.test(key) ? key : percentEncode(key).replaceAll('%2F', '/');
}

/** A query string as it goes on the line, which is also the canonical one: encoded, sorted by name. */
export function encodeQuery(query: Readonly<Record<string, string | undefined>>): string {
  return Object.entries(query)
    .flatMap(([name, value]) => (value === undefined ? [] : [`${percentEncode(name)}=${percentEncode(value)}`]))
    .sort()
    .join('&');
}
