import type { OutgoingHttpHeader } from 'node:http';
import type { ObjectRecord } from '#libs/metadata';
import { toWire } from './header-text.js';
import { METADATA_PREFIX } from './request-attributes.js';

const DEFAULT_TYPE = 'application/octet-stream';

/**
 * The headers of a GET or HEAD, a name and its value by turns, as Node writes them fastest. `location` is the backend's name.
 * `isWhole`: checksums are of the whole object and are not sent with a part of it.
 */
export function objectHeaders(record: ObjectRecord, location: string, isWhole: boolean): OutgoingHttpHeader[] {
  const headers: OutgoingHttpHeader[] = [
    'ETag',
    `"${record.etag}"`,
    'Last-Modified',
    httpDate(record.lastModified),
    'Accept-Ranges',
    'bytes',
    // What users stored is never a page of ours: a browser that opens it may run nothing.
    'Content-Security-Policy',
    "default-src 'none'; sandbox",
    'x-amz-storage-class',
    toWire(record.placement.storageClass),
    'x-spumoni-location',
    toWire(location),
  ];
  addStandard(headers, record);
  // As S3 says it of its own encryption at rest.
  if (record.sealing) headers.push('x-amz-server-side-encryption', 'AES256');
  if (record.tier !== undefined) headers.push('x-spumoni-tier', toWire(record.tier));
  addTags(headers, record);
  for (const name in record.metadata) headers.push(METADATA_PREFIX + name, toWire(record.metadata[name] ?? ''));
  if (isWhole)
    for (const name in record.checksums) headers.push(`x-amz-checksum-${name}`, record.checksums[name] ?? '');
  return headers;
}

function addStandard(to: OutgoingHttpHeader[], { headers }: ObjectRecord): void {
  const { contentType, cacheControl, contentDisposition, contentEncoding, contentLanguage, expires } = headers;
  to.push('Content-Type', contentType === undefined ? DEFAULT_TYPE : toWire(contentType));
  if (cacheControl !== undefined) to.push('Cache-Control', toWire(cacheControl));
  if (contentDisposition !== undefined) to.push('Content-Disposition', toWire(contentDisposition));
  if (contentEncoding !== undefined) to.push('Content-Encoding', toWire(contentEncoding));
  if (contentLanguage !== undefined) to.push('Content-Language', toWire(contentLanguage));
  if (expires !== undefined) to.push('Expires', toWire(expires));
}

function addTags(to: OutgoingHttpHeader[], { tags }: ObjectRecord): void {
  const pairs = Object.entries(tags);
  if (pairs.length === 0) return;
  const text = pairs.map((pair) => pair.map(encodeURIComponent).join('=')).join('&');
  to.push('x-amz-tagging-count', pairs.length, 'x-amz-tagging', text);
}

let lastSecond = 0;
let lastText = '';

/** An HTTP date; the last one is kept, for objects of one second are often read together. */
function httpDate(milliseconds: number): string {
  const second = Math.floor(milliseconds / 1000);
  if (second !== lastSecond) {
    lastSecond = second;
    lastText = new Date(second * 1000).toUTCString();
  }
  return lastText;
}
