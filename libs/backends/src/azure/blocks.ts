import { randomUUID } from 'node:crypto';
import { limitsOf } from '#libs/naming';
import { BackendError, isBackendError } from '../errors.js';
import type { Call, PutRequest, WriteResult } from '../object-backend.js';
import { attributeHeaders } from './attributes.js';
import { BlockIds, deleteIfStanding, putBlockList } from './block-list.js';
import { BlockReader, chunksOf, wrongLength } from './block-reader.js';
import type { Block } from './block-reader.js';
import { cleanUpFailure, promote, withoutSignal } from './promote.js';
import type { AzureClient } from './requests.js';
import { conditionHeaders, putBlob, writtenAs } from './put-blob.js';

/** Keys of staging blobs. No object's key begins so. */
export const STAGING_PREFIX = '.spumoni/staging/';
/** The metadata of a staging blob that says which key it is for, in base64url: 8 KB of metadata then hold every key. */
export const STAGING_FOR = 'x-ms-meta-spumoni_for';

/** How many blocks there are of one size before it doubles: ten doublings of 8 MiB within 50,000 blocks reach 39 TiB. */
const BLOCKS_OF_A_SIZE = 5000;

/**
 * Stores a body of unknown length, or one too large for one request, in constant memory (two blocks). A body that ends within its first block
 * goes in one Put Blob. Else its blocks are staged on a blob of its own, `.spumoni/staging/ID`, and promoted to the key when all are there: two
 * uploads of one key never share a block list, where Azure would drop the one's blocks when the other commits. The staging blob is removed
 * in any case; one left by a process that died shows in `list` of `everything`.
 */
export async function putInBlocks(client: AzureClient, call: Call, request: PutRequest): Promise<WriteResult> {
  // What is wrong with the attributes should be known before gigabytes are sent.
  attributeHeaders(client.backend, request.attributes);
  conditionHeaders(client.backend, request.condition);
  const reader = new BlockReader(client.backend, request.body, call);
  try {
    const first = await reader.next(client.config.blockBytes);
    if (!reader.ended) return await putOverStaging(client, call, request, { first, reader });
    assertLength(client, request, first.size);
    return await putBlob(client, call, { ...request, body: Buffer.concat(first.chunks), size: first.size });
  } finally {
    await reader.close();
  }
}

function assertLength(client: AzureClient, { size }: PutRequest, real: number): void {
  if (size !== undefined && real !== size) throw wrongLength(client.backend, real, size);
}

async function putOverStaging(
  client: AzureClient,
  call: Call,
  request: PutRequest,
  body: { first: Block; reader: BlockReader },
): Promise<WriteResult> {
  const { container } = request;
  const key = STAGING_PREFIX + randomUUID();
  const staging: Staging = { container, key, forKey: request.key };
  let result: WriteResult;
  try {
    // The blob itself comes first, so that a listing can tell what its blocks are for.
    const headers = { 'x-ms-blob-type': 'BlockBlob', ...stagingHeaders(request.key) };
    await client.sendPlain({ verb: 'stage', method: 'PUT', container, key, headers, contentLength: 0 }, call);
    const { size, ids } = await stageBlocks(client, call, { ...staging, request, ...body });
    const answered = await putBlockList(client, call, { ...staging, ids, headers: stagingHeaders(request.key) });
    const { token } = writtenAs(client, staging, answered);
    result = await promote(client, call, { source: { ...staging, token }, size, target: request });
  } catch (error) {
    throw await afterClearing(client, call, staging, error);
  }
  await clearStored(client, call, staging);
  return result;
}

function stagingHeaders(forKey: string): Record<string, string> {
  return { [STAGING_FOR]: Buffer.from(forKey).toString('base64url'), 'x-ms-access-tier': 'Hot' };
}

interface Staged {
  readonly container: string;
  readonly key: string;
  readonly request: PutRequest;
  readonly first: Block;
  readonly reader: BlockReader;
}

/** Sends block after block, one on its way while the next is read. */
async function stageBlocks(client: AzureClient, call: Call, staged: Staged): Promise<{ size: number; ids: string[] }> {
  const { request, reader } = staged;
  const { maxParts, maxObjectBytes } = limitsOf('azure');
  const blocks = new BlockIds();
  let block = staged.first;
  let size = 0;
  let sending: Promise<void> = Promise.resolve();
  try {
    while (block.size > 0) {
      size += block.size;
      if (request.size !== undefined && size > request.size) throw wrongLength(client.backend, size, request.size);
      if (size > maxObjectBytes || blocks.ids.length === maxParts)
        throw new BackendError('invalid', 'the body is larger than Azure can hold', { backend: client.backend });
      await sending;
      sending = putBlock(client, call, { ...staged, block, id: blocks.next() });
      // Heard of at the next turn, or at the end.
      sending.catch(() => undefined);
      block = await reader.next(blockBytes(client, request, blocks.ids.length));
    }
  } finally {
    // Also when it all failed: a block that arrived after the clean-up would stay.
    await Promise.allSettled([sending]);
  }
  await sending;
  assertLength(client, request, size);
  return { size, ids: blocks.ids };
}

/** Where the length is known, 50,000 equal blocks must hold it; else they grow. */
function blockBytes(client: AzureClient, { size }: PutRequest, index: number): number {
  const { maxParts, maxPartBytes } = limitsOf('azure');
  const least = client.config.blockBytes;
  if (size !== undefined) return Math.max(least, Math.ceil(size / (maxParts - 1)));
  return Math.min(least * 2 ** Math.floor(index / BLOCKS_OF_A_SIZE), maxPartBytes);
}

/** Put Block. */
async function putBlock(
  client: AzureClient,
  call: Call,
  { container, key, block, id }: Pick<Staged, 'container' | 'key'> & { readonly block: Block; readonly id: string },
): Promise<void> {
  const query = { comp: 'block', blockid: id };
  const body = chunksOf(block);
  const request = { verb: 'stage a block of', method: 'PUT', container, key, query, body, contentLength: block.size };
  await client.sendPlain({ ...request, method: 'PUT' }, call);
}

/** A staging blob, and the key that its blocks are for. */
interface Staging {
  readonly container: string;
  readonly key: string;
  readonly forKey: string;
}

/**
 * Removes a staging blob and all its blocks: Put Block List drops those that are not committed, Delete Blob the rest. In between it still says which key it is for, so that who is stopped there leaves what
 * a listing can tell.
 */
export async function clearStaging(client: AzureClient, call: Call, staging: Staging): Promise<void> {
  try {
    await putBlockList(client, call, { ...staging, ids: [], headers: stagingHeaders(staging.forKey) });
  } catch (error) {
    // Without its container there is nothing left.
    if (isBackendError(error, 'not-found')) return;
    throw error;
  }
  await deleteIfStanding(client, call, staging);
}

async function afterClearing(client: AzureClient, call: Call, staging: Staging, error: unknown): Promise<unknown> {
  try {
    await clearStaging(client, withoutSignal(call), staging);
    return error;
  } catch (clearing) {
    return cleanUpFailure(client.backend, error, clearing);
  }
}

/** The object stands, so this fails as a lost answer does: whoever asks for the write id finds it, and the listing shows what is left. */
async function clearStored(client: AzureClient, call: Call, staging: Staging): Promise<void> {
  try {
    await deleteIfStanding(client, withoutSignal(call), staging);
  } catch (error) {
    throw new BackendError('unavailable', `${staging.forKey} was stored, but its staging blob could not be removed`, {
      backend: client.backend,
      leftBehind: true,
      cause: error,
    });
  }
}
