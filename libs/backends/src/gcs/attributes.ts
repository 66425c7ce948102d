import { checkMetadata, decodeMetadata, encodeMetadata } from '#libs/naming';
import { BackendError } from '../errors.js';
import type { ObjectAttributes, StandardHeaders } from '../object-backend.js';
import { GCS_CAPABILITIES } from './capabilities.js';
import type { ObjectResource } from './resource.js';

/** The metadata names that are Spumoni's own. */
const WRITE_ID = 'spumoni-write';
const TAGS = 'spumoni-tags';
const EXPIRES = 'spumoni-expires';
const RESERVED = [WRITE_ID, TAGS, EXPIRES];

/** The headers that GCS keeps as fields of an object. `expires` is not one: it goes into metadata. */
export const NATIVE_HEADERS = [
  'contentType',
  'cacheControl',
  'contentDisposition',
  'contentEncoding',
  'contentLanguage',
] as const;

/** GCS gives this type itself to an object that names none. Said outright, it also keeps a copy from taking over its source's. */
export const DEFAULT_TYPE = 'application/octet-stream';

/** The fields of an object resource that a writer sets. */
export interface WritableFields extends Omit<StandardHeaders, 'expires'> {
  readonly contentType: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly storageClass?: string;
}

/** Attributes as fields of an object resource. Fails with `invalid` on a class GCS does not have, and on what it cannot hold. */
export function fieldsOf(backend: string, attributes: ObjectAttributes): WritableFields {
  const { storageClass } = attributes;
  const { storageClasses } = GCS_CAPABILITIES;
  if (storageClass !== undefined && !storageClasses.includes(storageClass))
    throw invalid(backend, `storage class ${storageClass} is none of GCS: ${storageClasses.join(', ')}`);
  const native: Partial<Record<(typeof NATIVE_HEADERS)[number], string>> = {};
  for (const name of NATIVE_HEADERS) {
    const value = attributes.headers[name];
    if (value === undefined) continue;
    if (hasControls(value))
      throw invalid(backend, `the ${name} has a control character; expected the text of a header`);
    native[name] = value;
  }
  return {
    ...native,
    contentType: native.contentType ?? DEFAULT_TYPE,
    metadata: metadataOf(backend, attributes),
    ...(storageClass === undefined ? {} : { storageClass }),
  };
}

function metadataOf(backend: string, attributes: ObjectAttributes): Record<string, string> {
  const { metadata, writeId, tags, headers } = attributes;
  const taken = RESERVED.find((name) => name in metadata);
  if (taken !== undefined) throw invalid(backend, `the metadata name ${taken} is reserved`);
  const own: Record<string, string> = { ...metadata };
  if (writeId !== undefined) own[WRITE_ID] = writeId;
  if (headers.expires !== undefined) own[EXPIRES] = headers.expires;
  if (Object.keys(tags).length > 0) own[TAGS] = new URLSearchParams(tags).toString();
  const violations = checkMetadata(own, 'gcs');
  if (violations.length > 0) throw invalid(backend, violations.map(({ message }) => message).join(' '));
  return encodeMetadata(own, 'gcs');
}

export interface ReadAttributes {
  readonly headers: StandardHeaders;
  readonly metadata: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly writeId?: string;
}

/** The inverse of `fieldsOf`. */
export function attributesOf(resource: ObjectResource): ReadAttributes {
  const headers: Partial<Record<keyof StandardHeaders, string>> = {};
  for (const name of NATIVE_HEADERS) {
    const value = resource[name];
    if (value !== undefined && value !== '') headers[name] = value;
  }
  const decoded = decodeMetadata(resource.metadata, 'gcs');
  const { [WRITE_ID]: writeId, [TAGS]: tags, [EXPIRES]: expires, ...metadata } = decoded;
  if (expires !== undefined) headers.expires = expires;
  return {
    headers,
    metadata,
    tags: Object.fromEntries(new URLSearchParams(tags ?? '')),
    ...(writeId === undefined ? {} : { writeId }),
  };
}

function hasControls(text: string): boolean {
  // A tab is legal in a header (RFC 9110 section 5.5).
  return Array.from(text).some((character) => character !== '\t' && (character < ' ' || character === '\u007f'));
}

function invalid(backend: string, message: string): BackendError {
  return new BackendError('invalid', message, { backend });
}
