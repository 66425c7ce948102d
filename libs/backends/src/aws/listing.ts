import { limitsOf } from '#libs/naming';
import { BackendError } from '../errors.js';
import type { Call, ListedEntry, ListPage, ListRequest } from '../object-backend.js';
import type { AwsConfig } from './config.js';
import type { Control } from './control.js';
import { decodeCursor, encodeCursor } from './cursor.js';
import type { Place } from './cursor.js';
import { garbage } from './errors.js';
import { tokenOf, unquote } from './tokens.js';

/** More than this the vendors do not give in one page. */
const LARGEST_PAGE = 1000;

type Asked = ListRequest & { readonly limit: number };

/** An object or a marker as the SDK gives it. */
interface Listed {
  readonly Key?: string | undefined;
  readonly Size?: number | undefined;
  readonly ETag?: string | undefined;
  readonly LastModified?: Date | undefined;
  readonly StorageClass?: string | undefined;
  readonly VersionId?: string | undefined;
  readonly IsLatest?: boolean | undefined;
}

/** One page of one stage, and where that stage goes on, if it does. */
interface StagePage {
  readonly entries: readonly ListedEntry[];
  readonly next?: { readonly key?: string; readonly id?: string };
}

/** Lists containers' contents, behind one cursor for all that the vendors list separately. */
export class Lister {
  readonly #config: AwsConfig;
  readonly #control: Control;

  constructor(config: AwsConfig, control: Control) {
    this.#config = config;
    this.#control = control;
  }

  /**
   * `current` of a versioned container is its list of versions, of which the newest are shown: a plain list has no VersionIds, and so no tokens.
   * Pages may therefore be empty and have a cursor.
   */
  async list(call: Call, request: ListRequest): Promise<ListPage> {
    const asked = { ...request, limit: Math.min(request.limit, LARGEST_PAGE) };
    const at =
      request.cursor === undefined ? await this.#start(call, request) : decodeCursor(this.#config.name, request.cursor);
    const { entries, next } = await this.#page(call, asked, at);
    const shown = request.include === 'everything' ? entries : entries.filter(({ kind }) => kind === 'object');
    const place = next ? { ...at, key: undefined, id: undefined, ...next } : this.#after(at, request);
    return place ? { entries: shown, cursor: encodeCursor(place) } : { entries: shown };
  }

  async holdsAnything(call: Call, container: string): Promise<boolean> {
    let cursor: string | undefined;
    do {
      const at = cursor === undefined ? {} : { cursor };
      const page = await this.list(call, { container, include: 'everything', limit: 1, ...at });
      if (page.entries.length > 0) return true;
      cursor = page.cursor;
    } while (cursor !== undefined);
    return false;
  }

  /** Undefined: never turned on, or not to be had. */
  async versioningOf(call: Call, container: string): Promise<'Enabled' | 'Suspended' | undefined> {
    if (!this.#config.quirks.versioning) return undefined;
    const { Status } = await this.#control.run(call, ({ GetBucketVersioningCommand }, client, options) =>
      client.send(new GetBucketVersioningCommand({ Bucket: container }), options),
    );
    return Status;
  }

  async #start(call: Call, { container }: ListRequest): Promise<Place> {
    const status = await this.versioningOf(call, container);
    return { stage: status === undefined ? 'objects' : 'versions', versioned: status === 'Enabled' };
  }

  #after(at: Place, { include }: ListRequest): Place | undefined {
    return include === 'current' || at.stage === 'uploads' ? undefined : { stage: 'uploads', versioned: at.versioned };
  }

  #page(call: Call, asked: Asked, at: Place): Promise<StagePage> {
    if (at.stage === 'uploads') return this.#uploads(call, asked, at);
    if (at.stage === 'versions') return this.#versions(call, asked, at);
    return limitsOf(this.#config.vendor).listVersion === 1
      ? this.#objectsV1(call, asked, at)
      : this.#objectsV2(call, asked, at);
  }

  async #objectsV1(call: Call, asked: Asked, at: Place): Promise<StagePage> {
    const answer = await this.#control.run(call, ({ ListObjectsCommand }, client, options) =>
      client.send(new ListObjectsCommand({ ...this.#parameters(asked), Marker: at.key }), options),
    );
    const entries = (answer.Contents ?? []).map((one) => this.#entry(one, 'object'));
    if (!this.#isTruncated(asked, answer.IsTruncated)) return { entries };
    const key = entries.at(-1)?.key ?? this.#text(answer.NextMarker);
    return { entries, next: key === undefined ? {} : { key } };
  }

  async #objectsV2(call: Call, asked: Asked, at: Place): Promise<StagePage> {
    const answer = await this.#control.run(call, ({ ListObjectsV2Command }, client, options) =>
      client.send(new ListObjectsV2Command({ ...this.#parameters(asked), ContinuationToken: at.id }), options),
    );
    const entries = (answer.Contents ?? []).map((one) => this.#entry(one, 'object'));
    if (!this.#isTruncated(asked, answer.IsTruncated)) return { entries };
    if (answer.NextContinuationToken === undefined) throw this.#garbled(asked);
    return { entries, next: { id: answer.NextContinuationToken } };
  }

  async #versions(call: Call, asked: Asked, at: Place): Promise<StagePage> {
    const answer = await this.#control.run(call, ({ ListObjectVersionsCommand }, client, options) =>
      client.send(
        new ListObjectVersionsCommand({ ...this.#parameters(asked), KeyMarker: at.key, VersionIdMarker: at.id }),
        options,
      ),
    );
    const versions = (answer.Versions ?? []).map((one) => this.#entry(one, one.IsLatest ? 'object' : 'noncurrent'));
    const markers = (answer.DeleteMarkers ?? []).map((one) => this.#entry(one, 'delete-marker'));
    const entries = mergeByKey(versions, markers);
    if (!this.#isTruncated(asked, answer.IsTruncated)) return { entries };
    const [key, id] = [this.#text(answer.NextKeyMarker), answer.NextVersionIdMarker];
    if (key === undefined) throw this.#garbled(asked);
    return { entries, next: { key, ...(id ? { id } : {}) } };
  }

  async #uploads(call: Call, asked: Asked, at: Place): Promise<StagePage> {
    const { container: Bucket, prefix: Prefix, limit: MaxUploads } = asked;
    const answer = await this.#control.run(call, ({ ListMultipartUploadsCommand }, client, options) =>
      client.send(
        new ListMultipartUploadsCommand({
          Bucket,
          Prefix,
          MaxUploads,
          ...this.#encoding(),
          KeyMarker: at.key,
          UploadIdMarker: at.id,
        }),
        options,
      ),
    );
    const listed = (answer.Uploads ?? []).map(({ Key, UploadId, Initiated, StorageClass }): ListedEntry => ({
      kind: 'upload',
      key: this.#text(Key) ?? '',
      token: UploadId ?? '',
      size: 0,
      ...(Initiated === undefined ? {} : { lastModified: Initiated }),
      ...(StorageClass ? { storageClass: StorageClass } : {}),
    }));
    // Some servers do not look at the prefix of this one.
    const entries = listed.filter(({ key }) => key.startsWith(Prefix ?? ''));
    if (!this.#isTruncated(asked, answer.IsTruncated)) return { entries };
    const [key, id] = [this.#text(answer.NextKeyMarker), answer.NextUploadIdMarker];
    if (key === undefined) throw this.#garbled(asked);
    return { entries, next: { key, ...(id ? { id } : {}) } };
  }

  #parameters({ container, prefix, limit }: Asked): {
    Bucket: string;
    Prefix: string | undefined;
    MaxKeys: number;
    EncodingType?: 'url';
  } {
    return { Bucket: container, Prefix: prefix, MaxKeys: limit, ...this.#encoding() };
  }

  get #urlEncoded(): boolean {
    return this.#config.urlEncodedListing;
  }

  #encoding(): { EncodingType?: 'url' } {
    return this.#urlEncoded ? { EncodingType: 'url' } : {};
  }

  /** Keys come form-encoded (a blank as `+`) where that was asked for, because XML 1.0 cannot carry every character that a key can. */
  #text(listed: string | undefined): string | undefined {
    if (listed === undefined || !this.#urlEncoded) return listed;
    try {
      return decodeURIComponent(listed.replaceAll('+', ' '));
    } catch (cause) {
      throw new BackendError(
        'unavailable',
        `backend ${this.#config.name} listed a key in another encoding than asked for`,
        {
          backend: this.#config.name,
          cause,
        },
      );
    }
  }

  #entry(one: Listed, kind: ListedEntry['kind']): ListedEntry {
    const vendorEtag = one.ETag === undefined ? undefined : unquote(one.ETag);
    return {
      kind,
      key: this.#text(one.Key) ?? '',
      // A marker without an id of its own (suspended versioning) is still named as the null version.
      token: kind === 'delete-marker' ? (one.VersionId ?? 'null') : tokenOf(one.VersionId, vendorEtag ?? ''),
      size: one.Size ?? 0,
      ...(one.LastModified === undefined ? {} : { lastModified: one.LastModified }),
      ...(vendorEtag === undefined ? {} : { vendorEtag }),
      ...(one.StorageClass === undefined ? {} : { storageClass: one.StorageClass }),
    };
  }

  /** Every listing of S3 says whether it goes on; one that does not is none. */
  #isTruncated(asked: Asked, isTruncated: boolean | undefined): boolean {
    if (isTruncated === undefined) throw this.#garbled(asked);
    return isTruncated;
  }

  #garbled({ container }: Asked): Error {
    return garbage(this.#config.name, `list ${container}`);
  }
}

/** Versions and markers come as two lists, each in order: together they are in order of keys again, a key's markers after its versions. */
function mergeByKey(versions: readonly ListedEntry[], markers: readonly ListedEntry[]): ListedEntry[] {
  if (markers.length === 0) return [...versions];
  const all = [...versions, ...markers].map((entry) => ({ entry, order: Buffer.from(entry.key) }));
  return all.sort((a, b) => Buffer.compare(a.order, b.order)).map(({ entry }) => entry);
}
