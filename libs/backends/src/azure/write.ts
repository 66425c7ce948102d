import { BackendError, isBackendError } from '../errors.js';
import type { Call, ObjectRef, PutRequest, WriteResult } from '../object-backend.js';
import { putInBlocks } from './blocks.js';
import { olderQuery } from './older-writes.js';
import { putBlob } from './put-blob.js';
import { ifToken } from './requests.js';
import type { AzureClient } from './requests.js';

/**
 * Put Blob in one request, which Azure takes whole or not at all, where the length is known and within its limit; else over a staging blob
 * (see blocks.ts).
 */
export async function putObject(client: AzureClient, call: Call, request: PutRequest): Promise<WriteResult> {
  const { body } = request;
  const size = body instanceof Uint8Array ? (request.size ?? body.byteLength) : request.size;
  if (size === undefined || size > client.config.singleRequestBytes) return await putInBlocks(client, call, request);
  return await putBlob(client, call, { ...request, size });
}

/** Delete Blob, on the condition that this very write stands. Snapshots of it, which others made, go only where Azure insists. */
export async function deleteObject(client: AzureClient, call: Call, ref: ObjectRef): Promise<'deleted' | 'absent'> {
  try {
    await deleteBlob(client, call, ref);
    return 'deleted';
  } catch (error) {
    if (isBackendError(error, 'precondition')) return 'absent';
    // Without its container nothing is known of a write: the endpoint may be another one now.
    if (isBackendError(error, 'not-found') && error.vendorCode === 'BlobNotFound') return 'absent';
    throw error;
  }
}

async function deleteBlob(client: AzureClient, call: Call, { container, key, token }: ObjectRef): Promise<void> {
  const older = olderQuery(token);
  const headers: Record<string, string> = older === undefined ? ifToken(client.backend, token) : {};
  const request = { verb: 'delete', method: 'DELETE', container, key, query: older ?? {} } as const;
  try {
    await client.sendPlain({ ...request, headers }, call);
  } catch (error) {
    if (!(error instanceof BackendError) || error.vendorCode !== 'SnapshotsPresent') throw error;
    await client.sendPlain({ ...request, headers: { ...headers, 'x-ms-delete-snapshots': 'include' } }, call);
  }
}
