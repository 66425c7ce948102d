import { randomBytes } from 'node:crypto';
import { isBackendError } from '../errors.js';
import type { Call } from '../object-backend.js';
import { unquoted } from './requests.js';
import type { AzureClient } from './requests.js';

type Where = { readonly container: string; readonly key: string };

/**
 * The ids of one upload's blocks. All ids of a blob must be of one length; 12 random bytes before the number make those of two uploads
 * differ, so a block list can name no other upload's block.
 */
export class BlockIds {
  readonly #upload = randomBytes(12);
  readonly ids: string[] = [];

  next(): string {
    const number = Buffer.alloc(4);
    number.writeUInt32BE(this.ids.length);
    const id = Buffer.concat([this.#upload, number]).toString('base64');
    this.ids.push(id);
    return id;
  }
}

/** Put Block List: makes these blocks, in this order, the blob. Every other uncommitted block of the blob is dropped by it. */
export async function putBlockList(
  client: AzureClient,
  call: Call,
  blob: Where & { readonly ids: readonly string[]; readonly headers: Readonly<Record<string, string>> },
): Promise<Readonly<Record<string, string>>> {
  const { container, key, ids } = blob;
  const list = ids.map((id) => `<Latest>${id}</Latest>`).join('');
  const body = Buffer.from(`<?xml version="1.0" encoding="utf-8"?><BlockList>${list}</BlockList>`);
  const headers = { 'content-type': 'application/xml', ...blob.headers };
  const request = {
    verb: 'write',
    method: 'PUT',
    container,
    key,
    query: { comp: 'blocklist' },
    headers,
    body,
  } as const;
  return await client.sendPlain(request, call);
}

/**
 * Rids a key of uncommitted blocks where no blob stands. Azure has no call for that: an empty blob is made of none of them, create-only, and
 * deleted by its ETag. Where a blob does stand nothing is done: the next write of it drops them, and Azure itself after a week.
 */
export async function dropBlocks(client: AzureClient, call: Call, { container, key }: Where): Promise<void> {
  let etag: string;
  try {
    const answered = await putBlockList(client, call, { container, key, ids: [], headers: { 'if-none-match': '*' } });
    etag = unquoted(answered['etag'] ?? '');
  } catch (error) {
    if (isBackendError(error, 'precondition') || isBackendError(error, 'not-found')) return;
    throw error;
  }
  await deleteIfStanding(client, call, { container, key, etag });
}

/** Deletes a blob if it is still the one with this ETag (without one: whatever it is). */
export async function deleteIfStanding(
  client: AzureClient,
  call: Call,
  { container, key, etag }: Where & { readonly etag?: string },
): Promise<void> {
  const headers = etag === undefined ? {} : { 'if-match': `"${etag}"` };
  try {
    await client.sendPlain({ verb: 'clear away', method: 'DELETE', container, key, headers }, call);
  } catch (error) {
    if (!isBackendError(error, 'precondition') && !isBackendError(error, 'not-found')) throw error;
  }
}
