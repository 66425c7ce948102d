import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { START_MS, Stand } from './stand.js';

const SECRET = 'nobody at the vendor may read this sentence';
const md5 = (bytes: Uint8Array | string): string => createHash('md5').update(bytes).digest('hex');

/** Every file below a directory. */
function filesOf(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile());
}

describe('an encrypted bucket', () => {
  let stand: Stand;
  let vendor: string;
  beforeAll(async () => {
    stand = await Stand.start({ SPUMONI_ENCRYPT_BUCKETS: 'true' });
    vendor = join(stand.directory, 'data', 'objects');
    const encryption = { enabled: true };
    const made = await stand.ask('PUT', '/v1/vault', { json: { backend: 'local', encryption } });
    expect(made.json).toMatchObject({ bucket: { name: 'vault', encryption } });
    const byDefault = await stand.ask('PUT', '/v1/by-default', { json: { backend: 'local' } });
    expect(byDefault.json).toMatchObject({ bucket: { encryption } });
    const otherwise = { backend: 'local', encryption: { enabled: false } };
    const plain = await stand.ask('PUT', '/v1/open-bucket', { json: otherwise });
    expect(plain.json).toMatchObject({ bucket: { encryption: { enabled: false } } });
  }, START_MS);
  afterAll(() => stand.stop());

  const filesWith = (text: string): string[] => filesOf(vendor).filter((path) => readFileSync(path).includes(text));

  it('A19: keeps nothing at the vendor that can be read, and answers as if it were plain', async () => {
    const stored = await stand.ask('PUT', '/v1/vault/a.txt', {
      body: SECRET,
      headers: { 'content-md5': createHash('md5').update(SECRET).digest('base64') },
    });
    expect(stored.json).toMatchObject({ size: SECRET.length, ETag: md5(SECRET) });
    expect(filesWith(SECRET.slice(0, 10))).toEqual([]);
    const got = await stand.ask('GET', '/v1/vault/a.txt');
    expect(got.bytes.toString()).toBe(SECRET);
    expect(got.headers.get('etag')).toBe(`"${md5(SECRET)}"`);
    expect(got.headers.get('x-amz-server-side-encryption')).toBe('AES256');
    const head = await stand.ask('HEAD', '/v1/vault/a.txt');
    expect(head.headers.get('content-length')).toBe(String(SECRET.length));
    const part = await stand.ask('GET', '/v1/vault/a.txt', { headers: { range: 'bytes=7-13' } });
    expect([part.status, part.bytes.toString()]).toEqual([206, SECRET.slice(7, 14)]);
    expect(part.headers.get('content-range')).toBe(`bytes 7-13/${SECRET.length}`);
    const cached = await stand.ask('GET', '/v1/vault/a.txt', { headers: { 'if-none-match': `"${md5(SECRET)}"` } });
    expect(cached.status).toBe(304);
    const listed = await stand.ask('GET', '/v1/vault');
    expect(listed.json).toMatchObject({ objects: [{ key: 'a.txt', size: SECRET.length, ETag: md5(SECRET) }] });
    const wrong = await stand.ask('PUT', '/v1/vault/a.txt', {
      body: SECRET,
      headers: { 'content-md5': createHash('md5').update('other').digest('base64') },
    });
    expect(wrong.json).toMatchObject({ code: 'bad-digest' });
    expect((await stand.ask('GET', '/v1/vault/a.txt')).bytes.toString()).toBe(SECRET);
  });

  it('streams large bodies', async () => {
    const bytes = new Uint8Array(3_000_001).map((_, at) => at % 251);
    expect((await stand.ask('PUT', '/v1/vault/large', { body: bytes })).json).toMatchObject({ ETag: md5(bytes) });
    expect(md5((await stand.ask('GET', '/v1/vault/large')).bytes)).toBe(md5(bytes));
    const range = await stand.ask('GET', '/v1/vault/large', { headers: { range: 'bytes=65530-131080' } });
    expect(range.bytes.equals(bytes.subarray(65_530, 131_081))).toBe(true);
  });

  it('copies to and from a plain bucket, each as its bucket has it', async () => {
    await stand.ask('PUT', '/v1/open-bucket/b.txt', { body: 'an open letter' });
    expect(filesWith('an open letter')).toHaveLength(1);
    await stand.ask('POST', '/v1/vault/b.txt?copyFrom=/open-bucket/b.txt');
    expect(filesWith('an open letter')).toHaveLength(1);
    expect((await stand.ask('GET', '/v1/vault/b.txt')).bytes.toString()).toBe('an open letter');
    await stand.ask('POST', '/v1/open-bucket/c.txt?copyFrom=/vault/b.txt');
    expect(filesWith('an open letter')).toHaveLength(2);
    expect((await stand.ask('GET', '/v1/open-bucket/c.txt')).bytes.toString()).toBe('an open letter');
  });

  it('can be made one later, for new objects', async () => {
    const path = '/admin/v1/buckets/open-bucket/encryption';
    expect((await stand.ask('GET', path)).json).toEqual({ enabled: false });
    expect((await stand.ask('PUT', path, { json: { enabled: true } })).json).toEqual({ enabled: true });
    expect((await stand.ask('PUT', path, { json: { enabled: 'yes' } })).status).toBe(400);
    await stand.ask('PUT', '/v1/open-bucket/d.txt', { body: 'written afterwards' });
    expect(filesWith('written afterwards')).toEqual([]);
    expect((await stand.ask('GET', '/v1/open-bucket/b.txt')).bytes.toString()).toBe('an open letter');
    expect((await stand.ask('PUT', path, { json: { enabled: false } })).json).toEqual({ enabled: false });
    expect((await stand.ask('GET', '/v1/open-bucket/d.txt')).bytes.toString()).toBe('written afterwards');
  });

  it('answers 502 damaged, and no byte, when the vendor tampered with an object', async () => {
    const before = new Set(filesOf(vendor));
    // Small files have a checksum of the backend's own, which would tell first.
    await stand.ask('PUT', '/v1/vault/e.bin', { body: new Uint8Array(3_000_000) });
    const [path = ''] = filesOf(vendor).filter((file) => !before.has(file) && readFileSync(file).includes('e.bin'));
    const bytes = readFileSync(path);
    bytes.writeUInt8(bytes.readUInt8(3) ^ 1, 3);
    writeFileSync(path, bytes);
    const answer = await stand.ask('GET', '/v1/vault/e.bin');
    expect(answer.status).toBe(502);
    expect(answer.json).toMatchObject({ code: 'damaged' });
    // Behind the first chunk the headers have gone: the connection is cut, and never ends like a whole.
    bytes.writeUInt8(bytes.readUInt8(3) ^ 1, 3);
    bytes.writeUInt8(bytes.readUInt8(2_000_000) ^ 1, 2_000_000);
    writeFileSync(path, bytes);
    await expect(stand.ask('GET', '/v1/vault/e.bin')).rejects.toThrow();
  });

  it('says which master keys there are, never the keys, and rotates to one that it has', async () => {
    const view = await stand.ask('GET', '/admin/v1/encryption');
    const { current } = view.json as { current: string };
    expect(view.json).toMatchObject({ keys: [{ id: current, state: 'current', atHand: true }] });
    const key = readFileSync(join(stand.directory, 'data', 'master.key'), 'utf8').trim();
    expect(view.bytes.toString()).not.toContain(key);
    const unknown = await stand.ask('POST', '/admin/v1/encryption/rotations', { json: { to: 'deadbeef' } });
    expect([unknown.status, unknown.json]).toMatchObject([400, { code: 'unknown-master-key' }]);
    const begun = await stand.ask('POST', '/admin/v1/encryption/rotations', { json: { to: current } });
    expect([begun.status, begun.json]).toMatchObject([202, { type: 'key-rotation', state: 'planned' }]);
    const again = await stand.ask('POST', '/admin/v1/encryption/rotations', { json: { to: current } });
    expect([again.status, again.json]).toMatchObject([409, { code: 'rotation-unfinished' }]);
    const listed = await stand.ask('GET', '/admin/v1/encryption/rotations');
    expect(listed.json).toMatchObject({ items: [{ type: 'key-rotation' }] });
    const user = await stand.ask('POST', '/admin/v1/users', { json: { name: 'ann', role: 'user' } });
    expect(user.status).toBeLessThan(300);
  });
});
