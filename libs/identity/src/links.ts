import { createHmac, timingSafeEqual } from 'node:crypto';

/** What a link can be for. */
export const LINK_METHODS = ['GET', 'HEAD', 'PUT'] as const;
export type LinkMethod = (typeof LINK_METHODS)[number];

/** What a link says of itself, in the clear. */
export interface LinkTerms {
  readonly method: LinkMethod;
  /** Seconds since 1970; from then on it opens nothing. */
  readonly expires: number;
  /** The key that signed it. */
  readonly accessKeyId: string;
  /** Of a PUT: the most bytes that its body may have. */
  readonly maxBytes?: number;
  /** Of a PUT: the `Content-Type` that it must have. */
  readonly contentType?: string;
}

/** The one object that a link opens. By the bucket's id: a bucket of the same name that is made later is another one. */
export interface LinkPlace {
  readonly bucketId: string;
  readonly key: string;
}

/** A link taken apart; whether it is genuine is not known yet. */
export interface ParsedLink extends LinkTerms {
  /** The part of the token that is signed, exactly as it came. */
  readonly text: string;
  readonly signature: string;
}

const VERSION = 'v1';
const PURPOSE = 'spumoni-link-v1';
const TOKEN =
  /^(?<text>v1:(?<method>GET|HEAD|PUT):(?<expires>[1-9]\d{0,11}):(?<accessKeyId>[\x21-\x2b\x2d\x2e\x30-\x39\x3b-\x7e]{3,128}):(?<maxBytes>|0|[1-9]\d{0,14}):(?<contentType>[^:]{0,127})):(?<signature>[0-9a-f]{64})$/;
/** RFC 9110 section 8.3.1, without quoted values. */
const CONTENT_TYPE = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(?:; ?[\w!#$&^.+-]+=[\w!#$&^.+-]+)*$/;

/** True for a media type that a link can name: parameters without quotes, at most 127 characters. */
export function isLinkContentType(text: string): boolean {
  return text.length <= 127 && CONTENT_TYPE.test(text);
}

/** A link's token: its terms and, as 64 hex digits, the HMAC-SHA256 of terms and place under a key that is derived from the access key's secret for this purpose alone. */
export function signLink(secret: string, terms: LinkTerms, place: LinkPlace): string {
  const { method, expires, accessKeyId, maxBytes, contentType } = terms;
  const text = [VERSION, method, expires, accessKeyId, maxBytes ?? '', contentType ?? ''].join(':');
  return `${text}:${signatureOf(secret, text, place).toString('hex')}`;
}

/** Reads a token strictly: each link has one spelling. Undefined for what is none. */
export function parseLink(token: string): ParsedLink | undefined {
  const { text, method, expires, accessKeyId, maxBytes, contentType, signature } = TOKEN.exec(token)?.groups ?? {};
  const known = LINK_METHODS.find((one) => one === method);
  if (text === undefined || known === undefined || accessKeyId === undefined || signature === undefined)
    return undefined;
  const limits = maxBytes !== '' || contentType !== '';
  if (limits && known !== 'PUT') return undefined;
  if (contentType !== undefined && contentType !== '' && !isLinkContentType(contentType)) return undefined;
  return {
    text,
    signature,
    method: known,
    expires: Number(expires),
    accessKeyId,
    ...(maxBytes === '' ? {} : { maxBytes: Number(maxBytes) }),
    ...(contentType === undefined || contentType === '' ? {} : { contentType }),
  };
}

/** Whether the secret's owner signed this very link for this very place; takes the same time wherever they differ. */
export function isSignedBy(secret: string, link: ParsedLink, place: LinkPlace): boolean {
  return timingSafeEqual(signatureOf(secret, link.text, place), Buffer.from(link.signature, 'hex'));
}

/** The key comes last: no field before it can hold a line end, so no two places give the same text. */
function signatureOf(secret: string, text: string, { bucketId, key }: LinkPlace): Buffer {
  const signingKey = createHmac('sha256', secret).update(PURPOSE).digest();
  return createHmac('sha256', signingKey).update(`${text}\n${bucketId}\n${key}`).digest();
}
