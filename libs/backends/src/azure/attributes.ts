import { checkTags, decodeMetadata, encodeMetadata, metadataBytes, metadataLimitBytes } from '#libs/naming';
import { BackendError } from '../errors.js';
import type { ObjectAttributes, StandardHeaders } from '../object-backend.js';
import { AZURE_TIERS } from './capabilities.js';

type Names = Readonly<Record<string, string>>;

const META = 'x-ms-meta-';
/** The metadata names that are Spumoni's own. */
const WRITE_ID = 'spumoni-write';
const TAGS = 'spumoni-tags';
const HEADER = 'spumoni-header-';

/** Where Azure keeps each header: `set` names it in a write, `read` in an answer. There is no property for Expires. */
const PROPERTIES: Readonly<Record<keyof StandardHeaders, { set?: string; read: string; own: string }>> = {
  contentType: { set: 'x-ms-blob-content-type', read: 'content-type', own: `${HEADER}content-type` },
  cacheControl: { set: 'x-ms-blob-cache-control', read: 'cache-control', own: `${HEADER}cache-control` },
  contentDisposition: {
    set: 'x-ms-blob-content-disposition',
    read: 'content-disposition',
    own: `${HEADER}content-disposition`,
  },
  contentEncoding: { set: 'x-ms-blob-content-encoding', read: 'content-encoding', own: `${HEADER}content-encoding` },
  contentLanguage: { set: 'x-ms-blob-content-language', read: 'content-language', own: `${HEADER}content-language` },
  expires: { read: 'expires', own: `${HEADER}expires` },
};
const STANDARD = [
  'contentType',
  'cacheControl',
  'contentDisposition',
  'contentEncoding',
  'contentLanguage',
  'expires',
] as const;

/** Own names are refused in user metadata, so that nobody can make one write look like another. */
function isOwn(name: string): boolean {
  return name === WRITE_ID || name === TAGS || name.startsWith(HEADER);
}

/** What a header can carry to Azure and back unchanged. Others lie in metadata, whose encoding takes every value. */
function isPlain(value: string): boolean {
  return /^[!-~]+(?: [!-~]+)*$/.test(value);
}

/** The content headers that Azure has a property for. Those that it has none for, or could change, are in `metadataHeaders`. */
export function propertyHeaders({ headers }: ObjectAttributes): Record<string, string> {
  const set: Record<string, string> = {};
  for (const name of STANDARD) {
    const value = headers[name];
    const property = PROPERTIES[name].set;
    if (value !== undefined && property !== undefined && isPlain(value)) set[property] = value;
  }
  return set;
}

/** User metadata, and what of Spumoni's own goes there. Fails with `invalid` on names that are Spumoni's and on what Azure cannot hold. */
export function metadataHeaders(backend: string, attributes: ObjectAttributes): Record<string, string> {
  const { headers, metadata, writeId } = attributes;
  const reserved = Object.keys(metadata).find(isOwn);
  if (reserved !== undefined)
    throw new BackendError('invalid', `the metadata name ${reserved} is reserved`, { backend });
  const all: Record<string, string> = { ...metadata };
  if (writeId !== undefined) all[WRITE_ID] = writeId;
  for (const name of STANDARD) {
    const value = headers[name];
    if (value !== undefined && (PROPERTIES[name].set === undefined || !isPlain(value)))
      all[PROPERTIES[name].own] = value;
  }
  const { kept } = splitTags(attributes.tags);
  if (Object.keys(kept).length > 0) all[TAGS] = tagString(kept);
  return encoded(backend, all);
}

/** Too much is refused here: a restamp should not find out halfway. */
function encoded(backend: string, metadata: Names): Record<string, string> {
  let stored: Names;
  try {
    stored = encodeMetadata(metadata, 'azure');
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new BackendError('invalid', error.message, { backend, cause: error });
  }
  const [bytes, limit] = [metadataBytes(stored), metadataLimitBytes('azure')];
  if (bytes > limit)
    throw new BackendError('invalid', `the metadata has ${bytes} bytes as stored; Azure holds ${limit}`, { backend });
  return Object.fromEntries(Object.entries(stored).map(([name, value]) => [META + name, value]));
}

/** Blob tags take fewer characters than S3's: those that Azure refuses are kept in metadata. */
function splitTags(tags: Names): { native: Names; kept: Names } {
  const isNative = ([name, value]: [string, string]): boolean => checkTags({ [name]: value }, 'azure').length === 0;
  const entries = Object.entries(tags);
  return {
    native: Object.fromEntries(entries.filter(isNative)),
    kept: Object.fromEntries(entries.filter((entry) => !isNative(entry))),
  };
}

function tagString(tags: Names): string {
  return Object.entries(tags)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join('&');
}

/** The tags that Azure itself can hold. */
export function nativeTags({ tags }: ObjectAttributes): Names {
  return splitTags(tags).native;
}

/** The tier that a write with these attributes goes to. Fails with `invalid` on a name that is none. */
export function tierOf(backend: string, { storageClass }: ObjectAttributes): string {
  const tier = storageClass ?? AZURE_TIERS[0] ?? 'Hot';
  if (AZURE_TIERS.includes(tier)) return tier;
  const legal = AZURE_TIERS.join(', ');
  throw new BackendError('invalid', `access tier ${tier} is none of backend ${backend}: ${legal}`, { backend });
}

/** All attributes as headers of Put Blob or Put Block List. The tier is always named: an overwrite would else inherit the one before. */
export function attributeHeaders(backend: string, attributes: ObjectAttributes): Record<string, string> {
  const tags = tagString(nativeTags(attributes));
  return {
    ...propertyHeaders(attributes),
    ...metadataHeaders(backend, attributes),
    'x-ms-access-tier': tierOf(backend, attributes),
    ...(tags === '' ? {} : { 'x-ms-tags': tags }),
  };
}

export interface ReadAttributes {
  readonly headers: StandardHeaders;
  readonly metadata: Names;
  readonly writeId?: string;
  /** Tags that lie in metadata; the others take another request. */
  readonly keptTags: Names;
}

/** The inverse of `attributeHeaders`, from the headers of Get Blob or Get Blob Properties. */
export function readAttributes(answered: Names): ReadAttributes {
  const stored = Object.entries(answered).filter(([name]) => name.startsWith(META));
  const own = decodeMetadata(
    Object.fromEntries(stored.map(([name, value]) => [name.slice(META.length), value])),
    'azure',
  );
  const headers: Partial<Record<keyof StandardHeaders, string>> = {};
  for (const name of STANDARD) {
    const { set, read, own: ownName } = PROPERTIES[name];
    const value = own[ownName] ?? (set === undefined ? undefined : answered[read]);
    if (value !== undefined) headers[name] = value;
  }
  const metadata = Object.fromEntries(Object.entries(own).filter(([name]) => !isOwn(name)));
  const writeId = own[WRITE_ID];
  const keptTags = Object.fromEntries(new URLSearchParams((own[TAGS] ?? '').replaceAll('+', '%2B')));
  return { headers, metadata, keptTags, ...(writeId === undefined ? {} : { writeId }) };
}
