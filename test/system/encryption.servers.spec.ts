import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ObjectBackend } from '#libs/backends';
import type { ServerName } from '../servers/index.js';
import { objectPath, type Client } from './client.js';
import { RunningSpumoni } from './running-spumoni.js';
import { isInstalled, openDirect, startVendor, type VendorServer } from './vendor-servers.js';

const PHRASE = 'nobody at the vendor may read this sentence. ';
const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');
const VENDORS = ['minio', 'azurite', 'fake-gcs-server'] as const satisfies readonly ServerName[];
const CALL = { requestId: 'look' };
/** Larger than one part of a multipart upload. */
const LARGE = 20 * 1024 * 1024 + 12_345;

async function bytesOf(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}

/** Everything that lies in a container, as the vendor itself gives it. */
async function stored(vendor: ObjectBackend, container: string): Promise<Map<string, Buffer>> {
  const { entries } = await vendor.list(CALL, { container, include: 'current', limit: 1000 });
  const found = new Map<string, Buffer>();
  for (const { key } of entries) found.set(key, await bytesOf((await vendor.get(CALL, { container, key })).body));
  return found;
}

describe.each(VENDORS)('an encrypted bucket on %s', (name) => {
  if (!isInstalled(name)) return;
  let spumoni: RunningSpumoni;
  let server: VendorServer;
  let vendor: ObjectBackend;
  let client: Client;
  let directory: string;
  const small = Buffer.from(PHRASE.repeat(3));
  const large = Buffer.concat([Buffer.from(PHRASE.repeat(1000)), randomBytes(LARGE)]);
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'spumoni-vault-'));
    spumoni = await RunningSpumoni.start();
    server = await startVendor(name, 'vendor');
    vendor = await openDirect(server.body);
    client = spumoni.client();
    await client.expect(201, 'POST', '/admin/v1/backends', { json: server.body });
    const disk = { name: 'disk', type: 'filesystem', options: { path: directory } };
    await client.expect(201, 'POST', '/admin/v1/backends', { json: disk });
    const vault = { backend: 'vendor', encryption: { enabled: true } };
    await client.expect(200, 'PUT', '/v1/vault-one', { json: vault });
    await client.expect(200, 'PUT', '/v1/plain-one', { json: { backend: 'vendor' } });
  }, 200_000);
  afterAll(async () => {
    await spumoni.stop();
    await vendor.close();
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  }, 60_000);

  const put = (bucket: string, key: string, body: Buffer, headers: Record<string, string> = {}) =>
    client.expect(200, 'PUT', objectPath(bucket, key), { body, headers });
  const get = async (bucket: string, key: string): Promise<string> =>
    md5((await client.expect(200, 'GET', objectPath(bucket, key))).bytes);

  it('holds nothing that can be read at the vendor, and gives all of it back (A19)', async () => {
    await put('vault-one', 'small.txt', small, { 'x-amz-meta-colour': 'red' });
    await put('vault-one', 'deep/large.bin', large);
    await put('vault-one', 'empty', Buffer.alloc(0));
    const found = await stored(vendor, 'vault-one');
    expect([...found.keys()].sort()).toEqual(['.spumoni/container.json', 'deep/large.bin', 'empty', 'small.txt']);
    for (const [key, bytes] of found) expect([key, bytes.includes(PHRASE.slice(0, 12))]).toEqual([key, false]);
    expect(found.get('empty')?.byteLength).toBe(16);
    expect(await get('vault-one', 'small.txt')).toBe(md5(small));
    expect(await get('vault-one', 'deep/large.bin')).toBe(md5(large));
    expect(await get('vault-one', 'empty')).toBe(md5(Buffer.alloc(0)));
    const head = await client.expect(200, 'HEAD', objectPath('vault-one', 'deep/large.bin'));
    expect(head.headers.get('content-length')).toBe(String(large.byteLength));
    expect(head.headers.get('etag')).toBe(`"${md5(large)}"`);
    for (const [from, to] of [
      [0, 0],
      [65_535, 65_536],
      [8_388_600, 8_400_000],
      [large.byteLength - 5, large.byteLength - 1],
    ] as const) {
      const headers = { range: `bytes=${from}-${to}` };
      const part = await client.expect(206, 'GET', objectPath('vault-one', 'deep/large.bin'), { headers });
      expect(part.bytes.equals(large.subarray(from, to + 1))).toBe(true);
    }
  }, 120_000);

  it('copies within itself, and to and from a plain bucket', async () => {
    await client.expect(200, 'POST', `${objectPath('vault-one', 'copy.bin')}?copyFrom=/vault-one/deep/large.bin`);
    await client.expect(200, 'POST', `${objectPath('plain-one', 'out.txt')}?copyFrom=/vault-one/small.txt`);
    await client.expect(200, 'POST', `${objectPath('vault-one', 'in.txt')}?copyFrom=/plain-one/out.txt`);
    expect(await get('vault-one', 'copy.bin')).toBe(md5(large));
    expect(await get('plain-one', 'out.txt')).toBe(md5(small));
    expect(await get('vault-one', 'in.txt')).toBe(md5(small));
    expect((await stored(vendor, 'plain-one')).get('out.txt')?.equals(small)).toBe(true);
    const found = await stored(vendor, 'vault-one');
    expect(found.get('in.txt')?.includes(PHRASE.slice(0, 12))).toBe(false);
    const changed = await client.expect(200, 'HEAD', objectPath('vault-one', 'in.txt'));
    expect(changed.headers.get('x-amz-meta-colour')).toBe('red');
  }, 120_000);

  it('moves to a disk, sealed all the way', async () => {
    const migration = { bucket: 'vault-one', destination: { backend: 'disk' } };
    const begun = await client.expect(202, 'POST', '/admin/v1/migrations', { json: migration });
    const { id } = begun.json() as { id: string };
    for (let state = ''; state !== 'completed';) {
      const answer = await client.expect(200, 'GET', `/admin/v1/migrations/${id}`);
      ({ state } = answer.json() as { state: string });
      if (state === 'failed') throw new Error(answer.text());
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    for (const [key, bytes] of [
      ['small.txt', small],
      ['deep/large.bin', large],
      ['copy.bin', large],
      ['in.txt', small],
    ] as const)
      expect(await get('vault-one', key)).toBe(md5(bytes));
    let looked = 0;
    for (const file of await readdir(directory, { recursive: true })) {
      const path = join(directory, file);
      if (!(await stat(path)).isFile()) continue;
      looked += 1;
      expect((await readFile(path)).includes(PHRASE.slice(0, 12))).toBe(false);
    }
    expect(looked).toBeGreaterThanOrEqual(5);
  }, 180_000);
});
