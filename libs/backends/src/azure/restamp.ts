import { randomUUID } from 'node:crypto';
import { BackendError, isBackendError } from '../errors.js';
import type { Call, ObjectAttributes, ObjectHead, ObjectRef, WriteResult } from '../object-backend.js';
import { metadataHeaders, nativeTags, propertyHeaders, tierOf } from './attributes.js';
import { cleanUpFailure, withoutSignal } from './promote.js';
import { headOf, properties } from './read.js';
import { ifToken, unquoted } from './requests.js';
import type { AzureClient } from './requests.js';
import { writeTags } from './tags.js';
import { writtenAs } from './put-blob.js';

/** A lease ends by itself after this, should its holder die. The shortest that Azure gives is 15 seconds. */
const LEASE_SECONDS = 60;
const ARCHIVE = 'Archive';

/**
 * Changes attributes in place; the bytes are not touched, and the result's token is the final ETag. `conflict` with the code BlobArchived for an
 * archived blob, of which Azure lets nothing be changed.
 *
 * Up to four calls are needed, and Azure makes only two of them conditional on an ETag: tags and tier would go to whatever write stands there. So
 * where they change, a lease, taken on the condition that the token's write stands, keeps others away meanwhile; those are told `throttled`
 * and come again.
 *
 * The order is properties, tags, tier, metadata. Metadata bears the write id and so comes last: whoever dies on the way leaves the old write id
 * under a new ETag, which its record's owner can recognise and heal. Only the tier Archive comes after it; dying before that leaves the new
 * write id in the old tier, as every head shows.
 */
export async function restampObject(
  client: AzureClient,
  call: Call,
  ref: ObjectRef,
  attributes: ObjectAttributes,
): Promise<WriteResult> {
  const { backend } = client;
  // What Azure cannot hold should be known before anything is changed.
  metadataHeaders(backend, attributes);
  const tier = tierOf(backend, attributes);
  const answered = await properties(client, call, ref);
  const head = headOf(client, ref, answered);
  if (head.archived === true)
    throw new BackendError('conflict', `${ref.key} is archived and must be restored before it can be changed`, {
      backend,
      vendorCode: 'BlobArchived',
    });
  const tags = nativeTags(attributes);
  const newTags = Object.keys(tags).length > 0 || Number(answered['x-ms-tag-count']) > 0 ? tags : undefined;
  const newTier = tier === head.storageClass ? undefined : tier;
  const stamp = { ref, head, attributes, newTags, newTier };
  const written = newTags || newTier ? await underLease(client, call, stamp) : await change(client, call, stamp);
  const md5 = head.md5 === undefined ? {} : { md5: head.md5 };
  return { ...written, size: head.size, ...md5, storageClass: tier };
}

interface Stamp {
  readonly ref: ObjectRef;
  readonly head: ObjectHead;
  readonly attributes: ObjectAttributes;
  /** Absent where there are none, neither now nor before. */
  readonly newTags: Readonly<Record<string, string>> | undefined;
  readonly newTier: string | undefined;
}
type Written = Pick<WriteResult, 'token' | 'vendorEtag'>;

async function underLease(client: AzureClient, call: Call, stamp: Stamp): Promise<Written> {
  const { ref } = stamp;
  const lease = await acquireLease(client, call, ref);
  let written: Written;
  try {
    written = await change(client, call, stamp, lease);
  } catch (error) {
    throw await afterReleasing(client, call, { ...ref, lease }, error);
  }
  await releaseLease(client, withoutSignal(call), { ...ref, lease });
  return written;
}

async function change(client: AzureClient, call: Call, stamp: Stamp, lease?: string): Promise<Written> {
  const { ref, head, attributes, newTags, newTier } = stamp;
  const { container, key } = ref;
  const { backend } = client;
  const holding: Record<string, string> = lease === undefined ? {} : { 'x-ms-lease-id': lease };
  const set = async (comp: string, own: Record<string, string>): Promise<string> => {
    const headers = { ...holding, ...own };
    const request = { verb: 'change', method: 'PUT', container, key, query: { comp }, headers } as const;
    return unquoted((await client.sendPlain(request, call))['etag'] ?? '');
  };
  // What Set Blob Properties does not name it clears, the MD5 among it.
  const md5 = head.md5 === undefined ? '' : Buffer.from(head.md5, 'hex').toString('base64');
  const changed = await set('properties', {
    ...ifToken(backend, ref.token),
    ...propertyHeaders(attributes),
    ...(md5 === '' ? {} : { 'x-ms-blob-content-md5': md5 }),
  });
  if (newTags) await writeTags(client, call, { container, key, tags: newTags, headers: holding });
  if (newTier && newTier !== ARCHIVE) await set('tier', { 'x-ms-access-tier': newTier });
  const etag = await set('metadata', { ...ifToken(backend, changed), ...metadataHeaders(backend, attributes) });
  if (newTier === ARCHIVE) await set('tier', { 'x-ms-access-tier': newTier });
  return writtenAs(client, ref, { etag });
}

/** Lease Blob. */
async function acquireLease(client: AzureClient, call: Call, { container, key, token }: ObjectRef): Promise<string> {
  const lease = randomUUID();
  const headers = {
    ...ifToken(client.backend, token),
    'x-ms-lease-action': 'acquire',
    'x-ms-lease-duration': String(LEASE_SECONDS),
    'x-ms-proposed-lease-id': lease,
  };
  await client.sendPlain({ verb: 'lease', method: 'PUT', container, key, query: { comp: 'lease' }, headers }, call);
  return lease;
}

async function releaseLease(
  client: AzureClient,
  call: Call,
  { container, key, lease }: { container: string; key: string; lease: string },
): Promise<void> {
  const headers = { 'x-ms-lease-action': 'release', 'x-ms-lease-id': lease };
  const query = { comp: 'lease' };
  try {
    await client.sendPlain({ verb: 'end the lease of', method: 'PUT', container, key, query, headers }, call);
  } catch (error) {
    // An archived blob may be out of reach for this too; its lease ends by itself.
    if (!(error instanceof BackendError) || error.vendorCode !== 'BlobArchived') throw error;
  }
}

async function afterReleasing(
  client: AzureClient,
  call: Call,
  held: { container: string; key: string; lease: string },
  error: unknown,
): Promise<unknown> {
  try {
    await releaseLease(client, withoutSignal(call), held);
    return error;
  } catch (releasing) {
    // A blob that is gone has no lease.
    if (isBackendError(releasing, 'not-found')) return error;
    return cleanUpFailure(client.backend, error, releasing);
  }
}
