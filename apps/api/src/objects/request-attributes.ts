import type { IncomingHttpHeaders } from 'node:http';
import type { RecordHeaders } from '#libs/metadata';
import type { UserAttributes } from '#libs/objects';
import { RequestError } from '../http/request-error.js';
import { fromWire } from './header-text.js';
import { parseQuery } from './object-path.js';

/** Where each stored header travels on the wire. */
export const STANDARD_HEADERS: Readonly<Record<keyof RecordHeaders, string>> = {
  contentType: 'content-type',
  cacheControl: 'cache-control',
  contentDisposition: 'content-disposition',
  contentEncoding: 'content-encoding',
  contentLanguage: 'content-language',
  expires: 'expires',
};
const STANDARD = Object.entries(STANDARD_HEADERS) as readonly (readonly [keyof RecordHeaders, string])[];

export const METADATA_PREFIX = 'x-amz-meta-';

/** Everything that an upload's headers say of the object beside its bytes. */
export function attributesOf(headers: IncomingHttpHeaders): UserAttributes {
  return { headers: standardHeadersOf(headers), metadata: metadataOf(headers), tags: tagsOf(headers) };
}

/** The standard headers that are stored with an object and come back as themselves. `aws-chunked` is about the transfer, not the object. */
export function standardHeadersOf(headers: IncomingHttpHeaders): RecordHeaders {
  const stored: { -readonly [K in keyof RecordHeaders]: RecordHeaders[K] } = {};
  for (const [name, wire] of STANDARD) {
    const value = headers[wire];
    if (typeof value !== 'string' || value === '') continue;
    stored[name] = fromWire(value);
  }
  if (stored.contentEncoding !== undefined) {
    const left = stored.contentEncoding
      .split(',')
      .map((coding) => coding.trim())
      .filter((coding) => coding.toLowerCase() !== 'aws-chunked');
    if (left.length === 0) delete stored.contentEncoding;
    else stored.contentEncoding = left.join(', ');
  }
  return stored;
}

/** User metadata by its name without `x-amz-meta-`; names are lower case, as HTTP has them. */
export function metadataOf(headers: IncomingHttpHeaders): Record<string, string> {
  const metadata: Record<string, string> = {};
  for (const name in headers) {
    if (!name.startsWith(METADATA_PREFIX)) continue;
    const value = headers[name];
    if (value === undefined) continue;
    const text = fromWire(Array.isArray(value) ? value.join(', ') : value);
    // Defined, not assigned: a name like __proto__ must stay a name.
    Object.defineProperty(metadata, name.slice(METADATA_PREFIX.length), {
      value: text,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return metadata;
}

/** Tags, written like a query string. */
export function tagsOf(headers: IncomingHttpHeaders): Record<string, string> {
  const header = headers['x-amz-tagging'];
  if (typeof header !== 'string' || header === '') return {};
  try {
    return Object.fromEntries(parseQuery(header));
  } catch (error) {
    throw new RequestError('invalid-request', 'x-amz-tagging is not of the form key=value&key2=value2, url-encoded', {
      cause: error,
    });
  }
}

/** A tier's name or a vendor's class, if the request names one. */
export function storageClassOf(headers: IncomingHttpHeaders): string | undefined {
  const value = headers['x-amz-storage-class'];
  return typeof value === 'string' && value !== '' ? fromWire(value) : undefined;
}
