import { decodeMetadata, encodeMetadata } from '#libs/naming';
import { BackendError } from '../errors.js';
import type { BackendCapabilities } from '../capabilities.js';
import type { ObjectAttributes, StandardHeaders } from '../object-backend.js';
import type { AwsConfig } from './config.js';
import { utf8FromTheLine } from './requests.js';
import type { HeaderList } from './requests.js';
import { percentEncode } from './signer.js';

const META = 'x-amz-meta-';
/** The metadata names that are Spumoni's own. Legal at every vendor of the family as they are. */
const WRITE_ID = 'spumoni-write';
const TAGS = 'spumoni-tags';

const STANDARD: Readonly<Record<keyof StandardHeaders, string>> = {
  contentType: 'content-type',
  cacheControl: 'cache-control',
  contentDisposition: 'content-disposition',
  contentEncoding: 'content-encoding',
  contentLanguage: 'content-language',
  expires: 'expires',
};
const STANDARD_NAMES = [
  'contentType',
  'cacheControl',
  'contentDisposition',
  'contentEncoding',
  'contentLanguage',
  'expires',
] as const;

/** What an adapter must know to write attributes: where tags go, and which classes there are. */
export interface AttributeRules {
  readonly config: AwsConfig;
  readonly capabilities: BackendCapabilities;
}

/** Attributes as the headers of a write. Fails with `invalid` on a class the vendor does not have, and on metadata it cannot hold. */
export function attributeHeaders(rules: AttributeRules, attributes: ObjectAttributes): HeaderList {
  const headers: [string, string][] = [];
  for (const name of STANDARD_NAMES) {
    const value = attributes.headers[name];
    if (value !== undefined) headers.push([STANDARD[name], value]);
  }
  for (const [name, value] of Object.entries(metadataOf(rules, attributes))) headers.push([META + name, value]);
  if (rules.capabilities.tags === 'native' && Object.keys(attributes.tags).length > 0)
    headers.push(['x-amz-tagging', encodeTags(attributes.tags)]);
  const storageClass = storageClassOf(rules, attributes);
  // The default goes unnamed: not every service takes the header.
  if (storageClass !== rules.capabilities.storageClasses[0]) headers.push(['x-amz-storage-class', storageClass]);
  return headers;
}

/** The class that a write with these attributes is stored in. */
export function storageClassOf({ config, capabilities }: AttributeRules, { storageClass }: ObjectAttributes): string {
  const [standard = 'STANDARD'] = capabilities.storageClasses;
  if (storageClass === undefined || capabilities.storageClasses.includes(storageClass)) return storageClass ?? standard;
  const legal = capabilities.storageClasses.join(', ');
  throw new BackendError('invalid', `storage class ${storageClass} is none of backend ${config.name}: ${legal}`, {
    backend: config.name,
  });
}

function metadataOf({ config, capabilities }: AttributeRules, attributes: ObjectAttributes): Record<string, string> {
  const { metadata, writeId, tags } = attributes;
  const backend = config.name;
  for (const reserved of [WRITE_ID, TAGS])
    if (reserved in metadata)
      throw new BackendError('invalid', `the metadata name ${reserved} is reserved`, { backend });
  const own: Record<string, string> = { ...metadata };
  if (writeId !== undefined) own[WRITE_ID] = writeId;
  if (capabilities.tags === 'metadata' && Object.keys(tags).length > 0) own[TAGS] = encodeTags(tags);
  try {
    return encodeMetadata(own, config.vendor);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new BackendError('invalid', error.message, { backend, cause: error });
  }
}

/** Tags as URL query parameters, the form of `x-amz-tagging`. */
function encodeTags(tags: Readonly<Record<string, string>>): string {
  return Object.entries(tags)
    .map(([name, value]) => `${percentEncode(name)}=${percentEncode(value)}`)
    .join('&');
}

export interface ReadAttributes {
  readonly headers: StandardHeaders;
  readonly metadata: Readonly<Record<string, string>>;
  readonly writeId?: string;
  /** Tags kept in metadata; native ones take another request. */
  readonly keptTags: Readonly<Record<string, string>>;
}

/** The inverse of `attributeHeaders`, from the headers of a read. */
export function readAttributes(config: AwsConfig, answered: Readonly<Record<string, string>>): ReadAttributes {
  const headers: Partial<Record<keyof StandardHeaders, string>> = {};
  for (const name of STANDARD_NAMES) {
    const value = answered[STANDARD[name]];
    if (value !== undefined) headers[name] = utf8FromTheLine(value);
  }
  const stored: [string, string][] = [];
  for (const [name, value] of Object.entries(answered))
    if (name.startsWith(META)) stored.push([name.slice(META.length), utf8FromTheLine(value)]);
  const { [WRITE_ID]: writeId, [TAGS]: tags, ...metadata } = decodeMetadata(Object.fromEntries(stored), config.vendor);
  const keptTags = tags === undefined ? {} : Object.fromEntries(new URLSearchParams(tags));
  return { headers, metadata, keptTags, ...(writeId === undefined ? {} : { writeId }) };
}
