import { listObjects, openObject, putObject, removeObject, isObjectsError } from '../../src/index.js';
import type { BucketDocument } from '#libs/metadata';
import { ACTOR, type Platform } from './platform.js';

/** A stream of numbers from 0 below 1 that a seed decides (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Refusals after which a client sends the request again; nothing of it happened. */
const AGAIN: ReadonlySet<string> = new Set(['bucket-not-active', 'busy', 'conflict', 'backend-unavailable']);

export interface Client {
  readonly keys: readonly string[];
  readonly model: Map<string, string>;
}

/** Puts, deletes and reads keys that are this client's own, so that what it was told last is what it must find. */
export async function useKeys(
  platform: Platform,
  client: Client,
  how: { random: () => number; operations: number; bucket: () => Promise<BucketDocument> },
): Promise<void> {
  const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(how.random() * from.length)];
  for (let i = 0; i < how.operations; i += 1) {
    const key = pick(client.keys) ?? '';
    const kind = pick(['put', 'put', 'delete', 'read', 'read']);
    // A process may act on a bucket as it was a moment ago.
    const bucket = await how.bucket();
    try {
      if (kind === 'read') await assertRead(platform, client, bucket, key);
      else if (kind === 'delete') {
        await removeObject(platform.engine, ACTOR, { bucket, key });
        client.model.delete(key);
      } else {
        const bytes = `${key}-${i}-${how.random()}`;
        await write(platform, bucket, key, bytes);
        client.model.set(key, bytes);
      }
    } catch (error) {
      if (!isObjectsError(error) || !AGAIN.has(error.code)) throw error;
    }
  }
}

export async function write(platform: Platform, bucket: BucketDocument, key: string, bytes: string): Promise<void> {
  const attributes = { headers: {}, metadata: { of: key }, tags: {} };
  await putObject(platform.engine, ACTOR, { bucket, key, body: Buffer.from(bytes), expected: {}, attributes });
}

/** Undefined where there is no such key. */
export async function read(
  platform: Platform,
  bucket: BucketDocument,
  key: string,
  encoding: BufferEncoding = 'utf8',
): Promise<string | undefined> {
  try {
    const { body } = await openObject(platform.engine, ACTOR, { bucket, key });
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks).toString(encoding);
  } catch (error) {
    if (isObjectsError(error, 'no-such-key')) return undefined;
    throw error;
  }
}

async function assertRead(platform: Platform, client: Client, bucket: BucketDocument, key: string): Promise<void> {
  const seen = await read(platform, bucket, key);
  if (seen !== client.model.get(key))
    throw new Error(`${key} reads as ${String(seen)}, but was left as ${String(client.model.get(key))}`);
}

/** Every key of the bucket in the order of a listing, by pages so small that keys come and go between them. */
export async function listAll(
  platform: Platform,
  bucket: BucketDocument,
  between: () => Promise<void> = () => Promise.resolve(),
): Promise<string[]> {
  const keys: string[] = [];
  let marker: string | undefined;
  for (;;) {
    const page = await listObjects(platform.engine, {
      bucket,
      maxKeys: 2,
      ...(marker === undefined ? {} : { marker }),
    });
    keys.push(...page.objects.map((object) => object.key));
    if (!page.isTruncated) return keys;
    marker = page.nextMarker;
    await between();
  }
}
