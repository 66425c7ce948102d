import { createHmac, createSecretKey, hash } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { Revealable } from '../definition.js';

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

/**
 * AWS Signature Version 4 in an Authorization header, for S3 (docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html): the path is
 * encoded once and not normalised. The payload is not signed (`UNSIGNED-PAYLOAD`): TLS, Content-MD5 and the length guard it. The derived key
 * changes once a day and is kept as a KeyObject, with which an HMAC costs a seventh.
 */
export class Signer {
  readonly #options: SignerOptions;
  #day = '';
  #key: KeyObject | undefined;

  constructor(options: SignerOptions) {
    this.#options = options;
  }

  /** The headers of the request, the ones that authorize it added: names and values in turn. */
  sign(request: Signable, payloadHash = 'UNSIGNED-PAYLOAD'): string[] {
    const { accessKey, sessionToken, region, now } = this.#options;
    const time = (now?.() ?? new Date()).toISOString().replace(/[-:]|\.\d+/g, '');
    const day = time.slice(0, 8);
    const headers: [string, string][] = [
      ...request.headers.map(([name, value]): [string, string] => [name, value]),
      ['host', request.host],
      ['x-amz-content-sha256', payloadHash],
      ['x-amz-date', time],
    ];
    if (sessionToken) headers.push(['x-amz-security-token', sessionToken.reveal()]);
    const sorted = headers.toSorted(([a], [b]) => (a < b ? -1 : Number(a > b)));
    const names = sorted.map(([name]) => name).join(';');
    const canonical = [
      request.method,
      request.path,
      request.query,
      ...sorted.map(([name, value]) => `${name}:${value.trim().replace(/ +/g, ' ')}`),
      '',
      names,
      payloadHash,
    ].join('\n');
    const scope = `${day}/${region}/s3/aws4_request`;
    const signature = createHmac('sha256', this.#keyOf(day))
      .update(`${ALGORITHM}\n${time}\n${scope}\n${hash('sha256', canonical, 'hex')}`)
      .digest('hex');
    const authorization = `${ALGORITHM} Credential=${accessKey}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
    return [...headers.flat(), 'authorization', authorization];
  }

  #keyOf(day: string): KeyObject {
    if (this.#key && day === this.#day) return this.#key;
    let key = createSecretKey(Buffer.from(`AWS4${this.#options.secretKey.reveal()}`));
    for (const part of [day, this.#options.region, 's3', 'aws4_request'])
      key = createSecretKey(createHmac('sha256', key).update(part).digest());
    this.#day = day;
    this.#key = key;
    return key;
  }
}

/** RFC 3986: everything but unreserved characters is percent-encoded, as SigV4 wants it. Fails on text that is not well-formed Unicode. */
export function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

export function encodeKeyPath(key: string): string {
  return percentEncode(key).replaceAll('%2F', '/');
}

/** A query string as it goes on the line, which is also the canonical one: encoded, sorted by name. */
export function encodeQuery(query: Readonly<Record<string, string | undefined>>): string {
  return Object.entries(query)
    .flatMap(([name, value]) => (value === undefined ? [] : [`${percentEncode(name)}=${percentEncode(value)}`]))
    .sort()
    .join('&');
}
