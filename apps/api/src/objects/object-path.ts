import { RequestError } from '../http/request-error.js';

/** What a URL of the bucket API names. */
export interface ObjectPath {
  readonly bucket: string;
  /** Exactly as the client meant it: decoded once, `//`, `.` and `..` kept. */
  readonly key: string;
  readonly query: ReadonlyMap<string, string>;
}

const PREFIX = '/v1/';

/** True for a URL under `/v1` with something after the bucket's `/`: an object's. Everything else is a bucket's or an administrator's. */
export function isObjectUrl(url: string): boolean {
  if (!url.startsWith(PREFIX)) return false;
  const slash = url.indexOf('/', PREFIX.length);
  if (slash === -1) return false;
  const question = url.indexOf('?', PREFIX.length);
  if (question === -1) return slash + 1 < url.length;
  return slash + 1 < question;
}

/** Takes an object's URL apart. `invalid-url` where an escape is not one, or the bytes are not UTF-8. */
export function parseObjectUrl(url: string): ObjectPath {
  const question = url.indexOf('?');
  const path = question === -1 ? url : url.slice(0, question);
  const slash = path.indexOf('/', PREFIX.length);
  return {
    bucket: decodePart(path.slice(PREFIX.length, slash), 'the bucket'),
    key: decodePart(path.slice(slash + 1), 'the key'),
    query: question === -1 ? NO_QUERY : parseQuery(url.slice(question + 1)),
  };
}

const NO_QUERY: ReadonlyMap<string, string> = new Map();

/** Reads a query string strictly: every name once, every escape well-formed. `+` stands for a space, as browsers send it. */
export function parseQuery(text: string): ReadonlyMap<string, string> {
  const query = new Map<string, string>();
  for (const part of text.split('&')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const [name, value] = equals === -1 ? [part, ''] : [part.slice(0, equals), part.slice(equals + 1)];
    const decoded = decodePart(name.replaceAll('+', ' '), 'the query');
    if (query.has(decoded)) throw new RequestError('invalid-request', `query parameter "${decoded}" is given twice`);
    query.set(decoded, decodePart(value.replaceAll('+', ' '), `query parameter "${decoded}"`));
  }
  return query;
}

const PLAIN = /^[!-$&-~ ]*$/;

/** Percent-decodes once, as UTF-8. Bytes that a client sent unescaped are taken as they are. */
function decodePart(raw: string, what: string): string {
  if (PLAIN.test(raw)) return raw;
  try {
    // Node gives the bytes of a request line as latin1 characters.
    return decodeURIComponent(raw.replace(/[\u0080-\u00ff]/g, (byte) => `%${byte.charCodeAt(0).toString(16)}`));
  } catch (error) {
    throw new RequestError('invalid-url', `${what} is not well-formed percent-encoded UTF-8`, { cause: error });
  }
}

/** Refuses query parameters that an operation does not have: an unknown one may change what the client means. */
export function refuseUnknown(query: ReadonlyMap<string, string>, known: readonly string[]): void {
  for (const name of query.keys()) {
    if (known.includes(name)) continue;
    const expected = known.length === 0 ? 'none is known here' : `expected: ${known.join(', ')}`;
    throw new RequestError('invalid-request', `unknown query parameter "${name}"; ${expected}`);
  }
}

/** The bucket of a URL of a bucket's own routes; undefined where it is not well-formed. */
export function decodeBucket(url: string): string | undefined {
  const name = /^\/v1\/([^/?]+)\/?(\?|$)/.exec(url)?.[1];
  if (name === undefined) return undefined;
  try {
    return decodeURIComponent(name);
  } catch {
    // No bucket has a name that is no text.
    return undefined;
  }
}
