import type { OutgoingHttpHeaders } from 'node:http';
import type { ObjectRecord } from '#libs/metadata';
import { toWire } from './header-text.js';
import { METADATA_PREFIX } from './request-attributes.js';

const DEFAULT_TYPE = 'application/octet-stream';

/** The headers of a GET or HEAD. `location` is the backend's name. `isWhole`: checksums are of the whole object and are not sent with a part of it. */
export function objectHeaders(record: ObjectRecord, location: string, isWhole: boolean): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = {
    'Content-Type': DEFAULT_TYPE,
    ...standardHeaders(record),
    ETag: `"${record.etag}"`,
    'Last-Modified': httpDate(record.lastModified),
    'Accept-Ranges': 'bytes',
    // What users stored is never a page of ours: a browser that opens it may run nothing.
    'Content-Security-Policy': "default-src 'none'; sandbox",
    'x-amz-storage-class': toWire(record.placement.storageClass),
    'x-spumoni-location': toWire(location),
  };
  // As S3 says it of its own encryption at rest.
  if (record.sealing) headers['x-amz-server-side-encryption'] = 'AES256';
  if (record.tier !== undefined) headers['x-spumoni-tier'] = toWire(record.tier);
  const tags = Object.entries(record.tags);
  if (tags.length > 0) {
    headers['x-amz-tagging-count'] = tags.length;
    headers['x-amz-tagging'] = tags.map((pair) => pair.map(encodeURIComponent).join('=')).join('&');
  }
  for (const name in record.metadata) headers[METADATA_PREFIX + name] = toWire(record.metadata[name] ?? '');
  if (isWhole) for (const name in record.checksums) headers[`x-amz-checksum-${name}`] = record.checksums[name];
  return headers;
}

function standardHeaders({ headers }: ObjectRecord): OutgoingHttpHeaders {
  const { contentType, cacheControl, contentDisposition, contentEncoding, contentLanguage, expires } = headers;
  return {
    ...(contentType === undefined ? {} : { 'Content-Type': toWire(contentType) }),
    ...(cacheControl === undefined ? {} : { 'Cache-Control': toWire(cacheControl) }),
    ...(contentDisposition === undefined ? {} : { 'Content-Disposition': toWire(contentDisposition) }),
    ...(contentEncoding === undefined ? {} : { 'Content-Encoding': toWire(contentEncoding) }),
    ...(contentLanguage === undefined ? {} : { 'Content-Language': toWire(contentLanguage) }),
    ...(expires === undefined ? {} : { Expires: toWire(expires) }),
  };
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
