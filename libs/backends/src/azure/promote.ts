import { BackendError, isBackendError } from '../errors.js';
import type { Call, CopyRequest, ObjectRef, PutRequest, WriteResult } from '../object-backend.js';
import { limitsOf } from '#libs/naming';
import { attributeHeaders, tierOf } from './attributes.js';
import { BlockIds, dropBlocks, putBlockList } from './block-list.js';
import { properties } from './read.js';
import { ifToken } from './requests.js';
import type { AzureClient } from './requests.js';
import { conditionHeaders, putBlob, writtenAs } from './put-blob.js';

const MIB = 1024 * 1024;
/** One server-side request copies this much at least. */
const COPY_BLOCK_BYTES = 64 * MIB;
const PARALLEL = 4;
/** Each round is lost only to another write of the same key that ended within it. */
const ROUNDS = 8;

/** Where a blob of known length is to become another blob, with attributes of its own. */
export interface Promotion {
  readonly source: ObjectRef;
  readonly size: number;
  readonly md5?: string;
  readonly target: Pick<CopyRequest, 'container' | 'key' | 'attributes' | 'condition'>;
}

/**
 * Makes a blob the content of a key without a byte through Spumoni: Put Block From URL, then one Put Block List with all attributes, which is
 * the atomic step and where the condition is kept. Another write of the key drops our blocks; then they are copied anew, for the source
 * still has the bytes, and the ids of two writes are never alike. Copy Blob would not do: while it is pending, an empty blob stands at the key.
 * Put Blob From URL would, in one request up to 5,000 MiB, but no emulator has it.
 */
export async function promote(client: AzureClient, call: Call, promotion: Promotion): Promise<WriteResult> {
  const { source, size, target } = promotion;
  const { container, key, attributes, condition } = target;
  await assertCondition(client, call, target);
  if (size === 0) return await promoteNothing(client, call, promotion);
  const md5 = promotion.md5 === undefined ? '' : Buffer.from(promotion.md5, 'hex').toString('base64');
  const headers = {
    ...attributeHeaders(client.backend, attributes),
    ...(md5 === '' ? {} : { 'x-ms-blob-content-md5': md5 }),
    ...conditionHeaders(client.backend, condition),
  };
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const ids = await copyBlocks(client, call, { source, size, container, key });
      const answered = await commit(client, call, { container, key, ids, headers });
      if (answered)
        return { ...writtenAs(client, target, answered), size, storageClass: tierOf(client.backend, attributes) };
    }
    throw new BackendError('throttled', `writes of ${key} come faster than it can be copied`, {
      backend: client.backend,
    });
  } catch (error) {
    throw await afterDropping(client, call, target, error);
  }
}

/** The condition is kept by the last step; that it fails already now saves all the others. */
async function assertCondition(client: AzureClient, call: Call, target: Promotion['target']): Promise<void> {
  const { container, key, condition } = target;
  if (condition === undefined) return;
  const token = 'ifToken' in condition ? { token: condition.ifToken } : {};
  const { backend } = client;
  try {
    await properties(client, call, { container, key, ...token });
  } catch (error) {
    if (!isBackendError(error, 'not-found') || error.vendorCode !== 'BlobNotFound') throw error;
    if ('ifAbsent' in condition) return;
    throw new BackendError('precondition', `nothing stands at ${key}`, { backend, cause: error });
  }
  if ('ifAbsent' in condition) throw new BackendError('precondition', `something stands at ${key}`, { backend });
}

/** No block can be empty. */
async function promoteNothing(client: AzureClient, call: Call, { source, target }: Promotion): Promise<WriteResult> {
  await properties(client, call, source);
  const empty: PutRequest & { size: number } = { ...target, body: new Uint8Array(0), size: 0 };
  return await putBlob(client, call, empty);
}

/** Undefined where another write dropped our blocks. */
async function commit(
  client: AzureClient,
  call: Call,
  blob: Parameters<typeof putBlockList>[2],
): Promise<Readonly<Record<string, string>> | undefined> {
  try {
    return await putBlockList(client, call, blob);
  } catch (error) {
    if (error instanceof BackendError && error.vendorCode === 'InvalidBlockList') return undefined;
    throw error;
  }
}

interface BlockCopies {
  readonly source: ObjectRef;
  readonly size: number;
  readonly container: string;
  readonly key: string;
}

async function copyBlocks(client: AzureClient, call: Call, copies: BlockCopies): Promise<string[]> {
  const { size } = copies;
  const blockBytes = Math.max(COPY_BLOCK_BYTES, Math.ceil(size / limitsOf('azure').maxParts / MIB) * MIB);
  const blocks = new BlockIds();
  const ranges = Array.from({ length: Math.ceil(size / blockBytes) }, (_, index) => {
    const start = index * blockBytes;
    return { id: blocks.next(), range: `bytes=${start}-${Math.min(start + blockBytes, size) - 1}` };
  });
  const queue = [...ranges];
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      try {
        await copyBlock(client, call, { ...copies, ...next });
      } catch (error) {
        queue.length = 0;
        throw error;
      }
    }
  };
  // All are waited for: a block that arrived after the clean-up would stay.
  const outcomes = await Promise.allSettled(Array.from({ length: PARALLEL }, worker));
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed) throw failed.reason;
  return blocks.ids;
}

/** Put Block From URL. */
async function copyBlock(
  client: AzureClient,
  call: Call,
  { source, container, key, id, range }: BlockCopies & { readonly id: string; readonly range: string },
): Promise<void> {
  const { 'if-match': sourceIfMatch } = ifToken(client.backend, source.token);
  const headers = {
    ...(await client.sourceHeaders(source.container, source.key, call)),
    'x-ms-source-range': range,
    'x-ms-source-if-match': sourceIfMatch,
  };
  const query = { comp: 'block', blockid: id };
  await client.sendPlain({ verb: 'copy a block to', method: 'PUT', container, key, query, headers }, call);
}

/** The failure, after uncommitted blocks have been cleared away; if that fails too, both. */
async function afterDropping(
  client: AzureClient,
  call: Call,
  target: { readonly container: string; readonly key: string },
  error: unknown,
): Promise<unknown> {
  try {
    await dropBlocks(client, withoutSignal(call), target);
    return error;
  } catch (dropping) {
    return cleanUpFailure(client.backend, error, dropping);
  }
}

/** A clean-up goes on also when the caller has given up. */
export function withoutSignal({ requestId, deadlineMs }: Call): Call {
  return { requestId, ...(deadlineMs === undefined ? {} : { deadlineMs }) };
}

/** The failure of a write whose clean-up failed as well: of the write's kind, with both as causes. */
export function cleanUpFailure(backend: string, error: unknown, cleaning: unknown): BackendError {
  const kind = isBackendError(error) ? error.kind : 'unknown';
  const message = `${error instanceof Error ? error.message : 'a write failed'}; what it left could not be removed`;
  const cause = new AggregateError([error, cleaning], 'a write and its clean-up failed');
  return new BackendError(kind, message, { backend, leftBehind: true, cause });
}
