import { createCipheriv, createHash } from 'node:crypto';

/** How the standard headers are called in a PATCH, and on the wire. */
export const STANDARD = {
  contentType: 'content-type',
  cacheControl: 'cache-control',
  contentDisposition: 'content-disposition',
  contentEncoding: 'content-encoding',
  contentLanguage: 'content-language',
  expires: 'expires',
} as const;

export type StandardHeaders = { readonly [name in keyof typeof STANDARD]?: string };
export type Pairs = Readonly<Record<string, string>>;

export interface Attributes {
  readonly headers: StandardHeaders;
  readonly metadata: Pairs;
  readonly tags: Pairs;
}

/** A storage class as it was chosen: by a tier's name, or none. */
export interface Class {
  readonly tier: string | null;
  readonly storageClass: string;
}

/** An object as a client may expect to find it. */
export interface ModelObject extends Attributes, Class {
  readonly body: Buffer;
  /** Checksums that the client sent, by the name of their header. */
  readonly checksums: Pairs;
  /** As the answer to the last change told it. */
  readonly lastModified: string;
  /** Name of the backend. */
  readonly location: string;
}

export interface ModelBucket {
  readonly home: string;
  readonly policy: string | null;
  readonly objects: Map<string, ModelObject>;
}

/** What the service should hold, written as plainly as can be. Buckets by slot: their real names differ from run to run. */
export class ServiceModel {
  readonly buckets = new Map<number, ModelBucket>();

  object(slot: number, key: string): ModelObject | undefined {
    return this.buckets.get(slot)?.objects.get(key);
  }
}

/** The order of UTF-8 bytes, which is not that of JavaScript's strings. */
export function byBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

export function md5(body: Uint8Array): Buffer {
  return createHash('md5').update(body).digest();
}

export function etagOf(object: { readonly body: Uint8Array }): string {
  return md5(object.body).toString('hex');
}

/** Bytes that a seed repeats. */
export function content(seed: number, size: number): Buffer {
  const key = Buffer.alloc(16);
  key.writeUInt32LE(seed);
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size));
}

/** An object as listings and answers show it. */
export function shownObject(key: string, object: ModelObject): Record<string, unknown> {
  const { lastModified, tier, storageClass, location } = object;
  return { key, size: object.body.length, ETag: etagOf(object), lastModified, tier, storageClass, location };
}

export interface ListQuery {
  readonly prefix: string;
  readonly delimiter: string | null;
  readonly marker: string;
  readonly maxKeys: number;
}

/** A page by S3's definition: fold, drop what is not after the marker, cut. */
export function listed(
  bucket: ModelBucket,
  { prefix, delimiter, marker, maxKeys }: ListQuery,
): Record<string, unknown> {
  const entries = new Map<string, ModelObject | undefined>();
  for (const [key, object] of bucket.objects) {
    if (!key.startsWith(prefix)) continue;
    const end = delimiter === null ? -1 : key.indexOf(delimiter, prefix.length);
    if (end === -1 || delimiter === null) entries.set(key, object);
    else entries.set(key.slice(0, end + delimiter.length), undefined);
  }
  const after = [...entries].filter(([name]) => byBytes(name, marker) > 0).sort(([a], [b]) => byBytes(a, b));
  const page = after.slice(0, maxKeys);
  const isTruncated = maxKeys > 0 && after.length > page.length;
  return {
    prefix,
    delimiter,
    marker,
    maxKeys,
    isTruncated,
    nextMarker: isTruncated ? (page.at(-1)?.[0] ?? null) : null,
    objects: page.flatMap(([name, object]) => (object ? [shownObject(name, object)] : [])),
    commonPrefixes: page.flatMap(([name, object]) => (object ? [] : [name])),
  };
}
