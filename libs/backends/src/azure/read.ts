import { BackendError, isBackendError } from '../errors.js';
import type { Call, GetRequest, GetResult, ObjectHead } from '../object-backend.js';
import { readAttributes } from './attributes.js';
import { AZURE_TIERS } from './capabilities.js';
import { garbage } from './errors.js';
import { ifToken, unquoted } from './requests.js';
import type { AzureClient } from './requests.js';
import { readTags } from './tags.js';

type Headers = Readonly<Record<string, string>>;
type Where = { readonly container: string; readonly key: string };

/** How often a head with tags is begun anew because a write came between its parts. */
const HEAD_ROUNDS = 8;

/**
 * Get Blob. `precondition` where another write than the token's stands, `conflict` with the code BlobArchived where the bytes must be restored
 * first. Get Blob does not tell the tier: `head.storageClass` is the default one unless the answer names it.
 */
export async function getObject(client: AzureClient, call: Call, request: GetRequest): Promise<GetResult> {
  const { container, key, token, range } = request;
  const headers = {
    ...(token === undefined ? {} : ifToken(client.backend, token)),
    ...(range === undefined ? {} : { 'x-ms-range': `bytes=${range.start}-${range.end}` }),
  };
  const {
    status,
    headers: answered,
    body,
  } = await client.send({ verb: 'read', method: 'GET', container, key, headers }, call);
  const whole = range === undefined ? lengthOf(answered) : totalOf(answered);
  const wanted = range === undefined ? whole : range.end - range.start + 1;
  if (whole === undefined || lengthOf(answered) !== wanted || status !== (range === undefined ? 200 : 206)) {
    body.discard();
    throw garbage(client.backend, `read ${key} in ${container}`, `, or not the bytes asked for (status ${status})`);
  }
  // A range has its own Content-MD5, or none; the whole's is beside it.
  const md5 = answered[range === undefined ? 'content-md5' : 'x-ms-blob-content-md5'];
  const head = headOf(
    client,
    { container, key },
    { ...answered, 'content-length': String(whole), 'content-md5': md5 ?? '' },
  );
  return { head, body, discard: () => body.discard() };
}

export interface HeadRequest extends Where {
  readonly token?: string;
  readonly withTags?: boolean;
}

/**
 * Get Blob Properties. Tags take a second call that Azure cannot make conditional, so a third shows that the same write still stood after it:
 * an ETag never comes back. Reads without tags at the blob save both.
 */
export async function headObject(client: AzureClient, call: Call, request: HeadRequest): Promise<ObjectHead> {
  for (let round = 0; round < HEAD_ROUNDS; round++) {
    const answered = await properties(client, call, request);
    const head = headOf(client, request, answered);
    if (request.withTags !== true) return head;
    const { keptTags } = readAttributes(answered);
    // The count comes only where there are tags.
    if (!(Number(answered['x-ms-tag-count']) > 0)) return { ...head, tags: keptTags };
    const tags = await stillThere(() => readTags(client, call, request));
    const same = tags && (await stillThere(() => properties(client, call, { ...request, token: head.token })));
    if (tags && same) return { ...head, tags: { ...tags, ...keptTags } };
  }
  throw new BackendError('unavailable', `writes of ${request.key} come faster than it can be read`, {
    backend: client.backend,
  });
}

/** Undefined where the write was replaced or removed meanwhile. */
async function stillThere<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (isBackendError(error, 'precondition') || isBackendError(error, 'not-found')) return undefined;
    throw error;
  }
}

/** The headers of Get Blob Properties. */
export async function properties(client: AzureClient, call: Call, request: HeadRequest): Promise<Headers> {
  const { container, key, token } = request;
  const headers = token === undefined ? {} : ifToken(client.backend, token);
  return await client.sendPlain({ verb: 'look at', method: 'HEAD', container, key, headers }, call);
}

/** A head from the headers of an answer; `unavailable` where they lack what Azure always sends. */
export function headOf(client: AzureClient, { container, key }: Where, answered: Headers): ObjectHead {
  const { etag, 'last-modified': modified } = answered;
  const size = lengthOf(answered);
  const lastModified = new Date(modified ?? Number.NaN);
  if (etag === undefined || size === undefined || Number.isNaN(lastModified.getTime()))
    throw garbage(client.backend, `look at ${key} in ${container}`, ', without ETag, length or time');
  const { headers, metadata, writeId } = readAttributes(answered);
  const md5 = answered['content-md5'];
  const tier = answered['x-ms-access-tier'];
  return {
    container,
    key,
    token: unquoted(etag),
    vendorEtag: unquoted(etag),
    size,
    ...(md5 ? { md5: Buffer.from(md5, 'base64').toString('hex') } : {}),
    lastModified,
    storageClass: tier ?? AZURE_TIERS[0] ?? 'Hot',
    headers,
    metadata,
    ...(writeId === undefined ? {} : { writeId }),
    // A blob on its way out of the archive is still of that tier.
    ...(tier === undefined ? {} : { archived: tier === 'Archive' }),
  };
}

function lengthOf(answered: Headers): number | undefined {
  const length = answered['content-length'];
  return length !== undefined && /^\d+$/.test(length) ? Number(length) : undefined;
}

function totalOf(answered: Headers): number | undefined {
  const total = /^bytes \d+-\d+\/(\d+)$/.exec(answered['content-range'] ?? '')?.[1];
  return total === undefined ? undefined : Number(total);
}
