import type {
  BucketDocument,
  KeyAddress,
  KeyDocument,
  Listing,
  ListOptions,
  ObjectRecord,
  ShownRecord,
  Versioned,
} from '#libs/metadata';

const order = (left: string, right: string): number => Buffer.compare(Buffer.from(left), Buffer.from(right));

/** The seven things that a listing shows. */
function shownOf({ size, etag, lastModified, placement, ...record }: ObjectRecord): ShownRecord {
  const { backend, storageClass } = placement;
  const tier = record.tier === undefined ? {} : { tier: record.tier };
  return { size, etag, lastModified, ...tier, placement: { backend, storageClass } };
}

/**
 * What an index should hold, written as plainly as can be. It keeps the version that the real index gave each document, so that
 * commands can name right and wrong ones, and every version ever seen, so that one that comes twice is caught.
 */
export class IndexModel {
  readonly documents = new Map<string, { address: KeyAddress; document: KeyDocument; version: number }>();
  readonly buckets = new Map<string, { document: BucketDocument; version: number }>();
  /** Versions by document, of all its lives. */
  readonly seen = new Map<string, Set<number>>();

  static place({ bucket, key }: KeyAddress): string {
    return JSON.stringify([bucket, key]);
  }

  /** The documents of a bucket in the order of UTF-8 bytes. */
  inBucket(bucket: string): { address: KeyAddress; document: KeyDocument; version: number }[] {
    return [...this.documents.values()]
      .filter(({ address }) => address.bucket === bucket)
      .sort((left, right) => order(left.address.key, right.address.key));
  }

  scan(bucket: string, after: string, prefix: string): { key: string; document: KeyDocument }[] {
    return this.inBucket(bucket)
      .map(({ address, document }) => ({ key: address.key, document }))
      .filter(({ key }) => key.startsWith(prefix) && (after === '' || order(key, after) > 0));
  }

  pending(options: { after?: KeyAddress; bucket?: string; limit: number }): (KeyAddress & Versioned<KeyDocument>)[] {
    const compare = (left: KeyAddress, right: KeyAddress): number =>
      order(left.bucket, right.bucket) || order(left.key, right.key);
    return [...this.documents.values()]
      .filter(({ document: { intents, garbage, lease } }) => intents.length + garbage.length > 0 || lease !== undefined)
      .filter(({ address }) => options.bucket === undefined || address.bucket === options.bucket)
      .filter(({ address }) => options.after === undefined || compare(address, options.after) > 0)
      .map(({ address, document, version }) => ({ ...address, value: document, version }))
      .sort(compare)
      .slice(0, options.limit);
  }

  /** The definition of S3: group, then drop what is not after the marker, then cut. */
  list(bucket: string, { prefix = '', delimiter = '', marker = '', limit }: ListOptions): Listing {
    const entries: { name: string; document?: KeyDocument }[] = [];
    for (const { address, document } of this.inBucket(bucket)) {
      if (document.current === undefined || !address.key.startsWith(prefix)) continue;
      const rest = address.key.slice(prefix.length);
      const parts = delimiter === '' ? [rest] : rest.split(delimiter);
      const name = parts.length > 1 ? prefix + String(parts[0]) + delimiter : address.key;
      if (entries.some((entry) => entry.name === name)) continue;
      entries.push(parts.length > 1 ? { name } : { name, document });
    }
    const after = entries
      .sort((left, right) => order(left.name, right.name))
      .filter(({ name }) => order(name, marker) > 0);
    const page = after.slice(0, limit);
    const isTruncated = limit > 0 && after.length > page.length;
    return {
      keys: page.flatMap(({ name, document }) =>
        document?.current ? [{ key: name, record: shownOf(document.current) }] : [],
      ),
      commonPrefixes: page.flatMap(({ name, document }) => (document === undefined ? [name] : [])),
      isTruncated,
      ...(isTruncated ? { nextMarker: String(page.at(-1)?.name) } : {}),
    };
  }

  listBuckets(after: string, ownerId: string | undefined): BucketDocument[] {
    return [...this.buckets.values()]
      .map(({ document }) => document)
      .filter((bucket) => order(bucket.name, after) > 0 && (ownerId === undefined || bucket.ownerId === ownerId))
      .sort((left, right) => order(left.name, right.name));
  }
}
