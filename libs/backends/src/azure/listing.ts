import type { BlobItem, ContainerListBlobFlatSegmentResponse } from '@azure/storage-blob';
import { BackendError } from '../errors.js';
import type { Call, ListedEntry, ListPage, ListRequest } from '../object-backend.js';
import { clearStaging, STAGING_FOR, STAGING_PREFIX } from './blocks.js';
import { dropBlocks } from './block-list.js';
import { garbage } from './errors.js';
import { olderToken } from './older-writes.js';
import type { AzureClient } from './requests.js';
import { unquoted } from './requests.js';
import type { ControlClient } from './sdk.js';

/** Azure's own limit of a page. */
const MAX_PAGE = 5000;
/** The token of an unfinished upload whose blocks lie at the key itself. That of one over a staging blob is the staging blob's key. */
const AT_KEY = 'blocks-at-key';

/** A listing goes through the blobs, and then, where everything is wanted, through the staging blobs. `marker` is Azure's own. */
interface Position {
  readonly phase: 'blobs' | 'staging';
  readonly marker?: string;
}

/**
 * One page of List Blobs. A page may be empty and have a cursor: Azure gives such pages, and staging blobs are left out of it. Keys come in
 * Azure's order, which is that of UTF-16 at Azurite and not documented for Azure; within a page they are in that of UTF-8.
 * `everything` also shows snapshots, earlier versions and uncommitted blocks and, after all blobs, staging blobs, each as an `upload` under the key it was for.
 */
export async function listPage(control: ControlClient, call: Call, request: ListRequest): Promise<ListPage> {
  const { prefix = '', include } = request;
  const at = decodeCursor(control.config.name, request.cursor);
  const segment = await listSegment(control, call, request, at);
  const blobs = segment.segment.blobItems;
  const entries =
    at.phase === 'blobs'
      ? blobs.filter((blob) => !isStaging(blob)).map((blob) => entryOf(control, blob))
      : blobs.map(stagingEntry).filter(({ key }) => key.startsWith(prefix));
  entries.sort(compareEntries);
  const marker = segment.continuationToken;
  if (marker) return { entries, cursor: encodeCursor({ phase: at.phase, marker }) };
  if (at.phase === 'blobs' && include === 'everything') return { entries, cursor: encodeCursor({ phase: 'staging' }) };
  return { entries };
}

async function listSegment(
  { config, sdk }: ControlClient,
  call: Call,
  { container, prefix = '', include, limit }: ListRequest,
  { phase, marker }: Position,
): Promise<ContainerListBlobFlatSegmentResponse> {
  const action = `list container ${container}`;
  const segment = await sdk.run(call, action, async (service, abortSignal) => {
    const pages = service
      .getContainerClient(container)
      .listBlobsFlat({
        abortSignal,
        prefix: phase === 'blobs' ? prefix : STAGING_PREFIX,
        includeMetadata: phase === 'staging',
        includeUncommitedBlobs: include === 'everything',
        includeSnapshots: phase === 'blobs' && include === 'everything',
        includeVersions: phase === 'blobs' && include === 'everything',
      })
      .byPage({
        maxPageSize: Math.min(limit, MAX_PAGE),
        ...(marker === undefined ? {} : { continuationToken: marker }),
      });
    return (await pages.next()).value as ContainerListBlobFlatSegmentResponse | undefined;
  });
  if (segment?.requestId === undefined) throw garbage(config.name, action);
  return segment;
}

/** Keys in the order of UTF-8; of one key the newest write first. */
function compareEntries(left: ListedEntry, right: ListedEntry): number {
  const byKey = Buffer.compare(Buffer.from(left.key), Buffer.from(right.key));
  if (byKey !== 0 || left.kind === right.kind) return byKey || (left.token < right.token ? 1 : -1);
  return left.kind === 'object' ? -1 : 1;
}

function isStaging(blob: BlobItem): boolean {
  return blob.name.startsWith(STAGING_PREFIX) && olderToken(blob) === undefined;
}

function entryOf({ config }: ControlClient, blob: BlobItem): ListedEntry {
  const { name: key, properties } = blob;
  const { etag, contentLength, lastModified, accessTier } = properties;
  if (isUncommitted(blob)) return { kind: 'upload', key, token: AT_KEY, size: 0 };
  if (contentLength === undefined) throw garbage(config.name, `list ${key}`, ', without a length');
  const older = olderToken(blob);
  const vendorEtag = unquoted(etag);
  return {
    kind: older === undefined ? 'object' : 'noncurrent',
    key,
    token: older ?? vendorEtag,
    size: contentLength,
    lastModified,
    vendorEtag,
    ...(accessTier === undefined ? {} : { storageClass: accessTier }),
  };
}

/** Uncommitted blocks have no ETag at Azure; Azurite gives them one, but neither a type nor a tier, of which every blob has one at least. */
function isUncommitted({ properties: { etag, contentLength, contentType, accessTier } }: BlobItem): boolean {
  return !etag || (contentLength === 0 && !contentType && !accessTier);
}

function stagingEntry({ name, properties, metadata }: BlobItem): ListedEntry {
  const stored = Object.entries(metadata ?? {}).find(([one]) => `x-ms-meta-${one.toLowerCase()}` === STAGING_FOR)?.[1];
  const key = stored === undefined ? name : Buffer.from(stored, 'base64url').toString();
  return {
    kind: 'upload',
    key,
    token: name,
    size: properties.contentLength ?? 0,
    lastModified: properties.lastModified,
  };
}

/** Removes what an unfinished upload left: its staging blob, or the uncommitted blocks at the key. */
export async function abortUpload(
  client: AzureClient,
  call: Call,
  container: string,
  { key, token }: { key: string; token: string },
): Promise<void> {
  if (token.startsWith(STAGING_PREFIX)) await clearStaging(client, call, { container, key: token, forKey: key });
  else if (token === AT_KEY) await dropBlocks(client, call, { container, key });
  else throw new BackendError('invalid', 'no upload has such a token', { backend: client.backend });
}

function encodeCursor({ phase, marker }: Position): string {
  return Buffer.from(JSON.stringify({ phase, marker })).toString('base64url');
}

function decodeCursor(backend: string, cursor: string | undefined): Position {
  if (cursor === undefined) return { phase: 'blobs' };
  const bad = new BackendError('invalid', 'the cursor is none that this backend gave', { backend });
  let position: unknown;
  try {
    position = JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch (error) {
    bad.cause = error;
    throw bad;
  }
  if (typeof position !== 'object' || position === null || !('phase' in position)) throw bad;
  const { phase } = position;
  if (phase !== 'blobs' && phase !== 'staging') throw bad;
  const marker = 'marker' in position && typeof position.marker === 'string' ? { marker: position.marker } : {};
  return { phase, ...marker };
}
