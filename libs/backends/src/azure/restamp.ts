import { randomUUID } from 'node:crypto';
import { isBackendError } from '../errors.js';
import type { Call, ObjectAttributes, ObjectHead, ObjectRef, WriteResult } from '../object-backend.js';
import { metadataHeaders, nativeTags, propertyHeaders, tierOf } from './attributes.js';
import { cleanUpFailure, withoutSignal } from './promote.js';
import { headOf, properties } from './read.js';
import { ifToken, unquoted } from './requests.js';
import type { AzureClient } from './requests.js';
import { writeTags } from './tags.js';
import { writtenAs } from './write.js';

/** A lease ends by itself after this, should its holder die. The shortest that Azure gives is 15 seconds. */
const LEASE_SECONDS = 60;
const ARCHIVE = 'Archive';

/**
 * Changes attributes in place; the bytes are not touched, and the result's token is the final ETag.
 *
 * Four calls are needed, and Azure makes only two of them conditional on an ETag: tags and tier would go to whatever write stands there. So a
 * lease, taken on the condition that the token's write stands, keeps others away meanwhile; they are told `throttled` and come again.
 *
 * The order is properties, tags, tier, metadata. Metadata bears the write id and so comes last: whoever dies on the way leaves the old write id
 * under a new ETag, which its record's owner can recognise and heal. Only the tier Archive comes after it, for Azure lets nothing
 * be changed of an archived blob; dying before that leaves the new write id in the old tier, as every head shows.
 */
export async function restampObject(
  client: AzureClient,
  call: Call,
  ref: ObjectRef,
  attributes: ObjectAttributes,
): Promise<WriteResult> {
  // What Azure cannot hold should be known before anything is changed.
  metadataHeaders(client.backend, attributes);
  tierOf(client.backend, attributes);
  const lease = await acquireLease(client, call, ref);
  let result: WriteResult;
  try {
    const head = headOf(client, ref, await properties(client, call, ref));
    result = await change(client, call, { ref, head, attributes, lease });
  } catch (error) {
    throw await afterReleasing(client, call, { ...ref, lease }, error);
  }
  await releaseLease(client, withoutSignal(call), { ...ref, lease });
  return result;
}

interface Change {
  readonly ref: ObjectRef;
  readonly head: ObjectHead;
  readonly attributes: ObjectAttributes;
  readonly lease: string;
}

async function change(client: AzureClient, call: Call, { ref, head, attributes, lease }: Change): Promise<WriteResult> {
  const { container, key } = ref;
  const { backend } = client;
  const tier = tierOf(backend, attributes);
  const put = async (comp: string, headers: Record<string, string>): Promise<string> => {
    const own = { 'x-ms-lease-id': lease, ...headers };
    const request = { verb: 'change', method: 'PUT', container, key, query: { comp }, headers: own } as const;
    return unquoted((await client.sendPlain(request, call))['etag'] ?? '');
  };
  // What Set Blob Properties does not name it clears, the MD5 among it.
  const md5 =
    head.md5 === undefined ? {} : { 'x-ms-blob-content-md5': Buffer.from(head.md5, 'hex').toString('base64') };
  const changed = await put('properties', {
    ...ifToken(backend, ref.token),
    ...propertyHeaders(attributes),
    ...md5,
  });
  await writeTags(client, call, { container, key, tags: nativeTags(attributes), lease });
  if (tier !== head.storageClass && tier !== ARCHIVE) await put('tier', { 'x-ms-access-tier': tier });
  const etag = await put('metadata', { ...ifToken(backend, changed), ...metadataHeaders(backend, attributes) });
  if (tier !== head.storageClass && tier === ARCHIVE) await put('tier', { 'x-ms-access-tier': tier });
  const written = writtenAs(client, ref, { etag });
  return { ...written, size: head.size, ...(head.md5 === undefined ? {} : { md5: head.md5 }), storageClass: tier };
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
  await client.sendPlain({ verb: 'end the lease of', method: 'PUT', container, key, query, headers }, call);
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
