import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { objectPath, type Answer, type Client } from './client.js';
import { RunningSpumoni, until } from './running-spumoni.js';
import { canMount, SmallDisk } from './small-disk.js';

const SETTINGS = {
  SPUMONI_GARBAGE_GRACE_SECONDS: '0.5',
  SPUMONI_SWEEP_SECONDS: '0.5',
  SPUMONI_HEARTBEAT_SECONDS: '1',
  SPUMONI_DEAD_AFTER_SECONDS: '3',
};
const RECOVERS_WITHIN_MS = 60_000;
const KEPT = objectPath('photos', 'kept');
const MIB = 1024 * 1024;

/** A refusal that is a problem document of this code, and says nothing of a defect. */
function expectRefused(answer: Answer, status: number, code: string): void {
  expect({ status: answer.status, text: answer.text() }).toMatchObject({ status });
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  expect(answer.json()).toMatchObject({ code, status });
  if (status === 503) expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
}

const mounts = await canMount();

/** Disks are filled for real; the product runs as `npm start` runs it, on one disk for all, another for the objects and a third for the index. */
describe('a disk that is full', () => {
  if (!mounts) {
    it.skip('is an honest refusal [skipped: this account may mount no filesystem]', () => undefined);
    return;
  }
  const dataDirectory = mkdtempSync(join(tmpdir(), 'spumoni-full-'));
  const disks: SmallDisk[] = [];
  let whole: SmallDisk;
  let objects: SmallDisk;
  let index: SmallDisk;
  let spumoni: RunningSpumoni;
  let client: Client;
  let pids: number[];
  beforeAll(async () => {
    const mount = async (path: string, mebibytes: number): Promise<SmallDisk> => {
      const disk = await SmallDisk.at(path, mebibytes);
      disks.push(disk);
      return disk;
    };
    whole = await mount(dataDirectory, 192);
    objects = await mount(join(dataDirectory, 'objects'), 16);
    index = await mount(join(dataDirectory, 'index'), 16);
    spumoni = await RunningSpumoni.start({ environment: SETTINGS, dataDirectory });
    client = spumoni.client();
    await client.expect(200, 'PUT', '/v1/photos', { json: { name: 'photos', backend: 'local' } });
    await client.expect(200, 'PUT', KEPT, { body: 'before' });
    pids = await spumoni.pidsOf('api');
  }, 150_000);
  afterAll(async () => {
    await spumoni.interrupt();
    for (const disk of disks.toReversed()) await disk.remove();
    rmSync(dataDirectory, { recursive: true, force: true });
  }, 60_000);

  const put = (key: string, body: string | Uint8Array): Promise<Answer> =>
    client.send('PUT', objectPath('photos', key), { body });
  const keys = async (): Promise<string[]> => {
    const { objects: listed } = (await client.expect(200, 'GET', '/v1/photos')).json() as {
      objects: { key: string }[];
    };
    return listed.map(({ key }) => key);
  };
  const expectKept = async (): Promise<void> => {
    expect((await client.expect(200, 'GET', KEPT)).text()).toBe('before');
  };

  it('under the objects is a 507 that leaves nothing behind; all is read, and what is deleted makes room', async () => {
    for (const key of ['old-1', 'old-2']) expect((await put(key, Buffer.alloc(2 * MIB))).status).toBe(200);
    const files = await objects.files();
    // Met in the middle of a body.
    expectRefused(await put('large', Buffer.alloc(20 * MIB)), 507, 'backend-full');
    await objects.fill();
    // More of them than it takes to call a backend dead: a full one answers.
    for (let times = 0; times < 15; times += 1) expectRefused(await put('small', 'small'), 507, 'backend-full');
    expectRefused(await put('kept', Buffer.alloc(MIB)), 507, 'backend-full');
    await expectKept();
    const shown = (await client.expect(200, 'GET', '/admin/v1/backends/local')).json();
    expect(shown).toMatchObject({ circuit: { state: 'closed' } });
    expect(await keys()).toEqual(['kept', 'old-1', 'old-2']);
    expect(await objects.files()).toEqual(files);
    await client.expect(200, 'DELETE', objectPath('photos', 'old-1'));
    await until(
      'what was deleted makes room',
      RECOVERS_WITHIN_MS,
      async () => (await put('new', 'new')).status === 200,
    );
    await client.expect(200, 'DELETE', objectPath('photos', 'new'));
    await objects.makeRoom();
    expect((await put('after', 'after')).status).toBe(200);
    expect(await keys()).toEqual(['after', 'kept', 'old-2']);
    expect(await spumoni.pidsOf('api')).toEqual(pids);
  }, 120_000);

  it('under the index is a 507 for what would change it, and reads and listings go on', async () => {
    const written = await objects.files();
    await index.fill();
    const refused: string[] = [];
    const done: string[] = [];
    await until('the index takes no more', RECOVERS_WITHIN_MS, async () => {
      const key = `filling-${done.length}`;
      const answer = await put(key, key);
      if (answer.status === 200) done.push(key);
      else refused.push(key);
      return answer.status !== 200;
    });
    expectRefused(await put('one-more', 'x'), 507, 'index-full');
    expectRefused(await put('kept', 'other'), 507, 'index-full');
    await expectKept();
    expect((await client.send('GET', objectPath('photos', 'one-more'))).status).toBe(404);
    expect(await keys()).toEqual([...(await keys())].sort());
    await index.makeRoom();
    await until('it writes again', RECOVERS_WITHIN_MS, async () => (await put('again', 'again')).status === 200);
    for (const key of done) expect((await client.expect(200, 'GET', objectPath('photos', key))).text()).toBe(key);
    expect(await keys()).not.toEqual(expect.arrayContaining(refused));
    for (const key of [...done, 'again']) await client.expect(200, 'DELETE', objectPath('photos', key));
    await until('the bytes of refused writes are gone', RECOVERS_WITHIN_MS, async () => {
      return (await objects.files()).every((file) => written.includes(file));
    });
    await expectKept();
    expect(await spumoni.pidsOf('api')).toEqual(pids);
  }, 120_000);

  it('under Postgres is a 503 for what would change the control plane, until there is room', async () => {
    const json = (times: number) => ({ json: { name: `tier-${times}`, classes: { aws: 'STANDARD' } } });
    await whole.fill();
    let made = 0;
    let last: Answer | undefined;
    await until('Postgres takes no more', RECOVERS_WITHIN_MS, async () => {
      last = await client.send('PUT', `/admin/v1/tiers/tier-${made}`, json(made));
      if (last.status === 200 || last.status === 201) made += 1;
      return last.status >= 400;
    });
    if (last !== undefined) expectRefused(last, 503, 'control-plane-unavailable');
    await whole.makeRoom();
    await until('the control plane takes changes again', RECOVERS_WITHIN_MS, async () => {
      const { status } = await client.send('PUT', '/admin/v1/tiers/afterwards', json(0));
      return status === 200 || status === 201;
    });
    for (let at = 0; at < made; at += 1) await client.expect(200, 'GET', `/admin/v1/tiers/tier-${at}`);
    await expectKept();
    expect((await put('last', 'last')).status).toBe(200);
    expect(await spumoni.pidsOf('api')).toEqual(pids);
  }, 150_000);
});
