import { BackendError, isBackendError } from '../errors.js';
import type { Call, ObjectRef, PutRequest, WriteCondition, WriteResult } from '../object-backend.js';
import { attributeHeaders, tierOf } from './attributes.js';
import { putInBlocks } from './blocks.js';
import { garbage } from './errors.js';
import { ifToken, unquoted } from './requests.js';
import type { AzureClient } from './requests.js';

/** The headers that keep a write's condition. */
export function conditionHeaders(backend: string, condition: WriteCondition | undefined): Record<string, string> {
  if (condition === undefined) return {};
  return 'ifAbsent' in condition ? { 'if-none-match': '*' } : ifToken(backend, condition.ifToken);
}

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

/** Put Blob. */
export async function putBlob(
  client: AzureClient,
  call: Call,
  request: PutRequest & { readonly size: number },
): Promise<WriteResult> {
  const { container, key, body, size, attributes, condition } = request;
  const { backend } = client;
  const headers = {
    'x-ms-blob-type': 'BlockBlob',
    ...attributeHeaders(backend, attributes),
    ...conditionHeaders(backend, condition),
  };
  const answered = await client.sendPlain(
    { verb: 'put', method: 'PUT', container, key, headers, body, contentLength: size },
    call,
  );
  const md5 = answered['content-md5'];
  return {
    ...writtenAs(client, { container, key }, answered),
    size,
    ...(md5 ? { md5: Buffer.from(md5, 'base64').toString('hex') } : {}),
    storageClass: tierOf(backend, attributes),
  };
}

/** The token that an answer gives. `unavailable` without one: what stands there now, a HEAD will tell. */
export function writtenAs(
  client: AzureClient,
  { container, key }: { container: string; key: string },
  answered: Readonly<Record<string, string>>,
): { token: string; vendorEtag: string } {
  const etag = unquoted(answered['etag'] ?? '');
  if (etag === '') throw garbage(client.backend, `write ${key} in ${container}`, ', without an ETag');
  return { token: etag, vendorEtag: etag };
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
  const headers = ifToken(client.backend, token);
  const request = { verb: 'delete', method: 'DELETE', container, key } as const;
  try {
    await client.sendPlain({ ...request, headers }, call);
  } catch (error) {
    if (!(error instanceof BackendError) || error.vendorCode !== 'SnapshotsPresent') throw error;
    await client.sendPlain({ ...request, headers: { ...headers, 'x-ms-delete-snapshots': 'include' } }, call);
  }
}
