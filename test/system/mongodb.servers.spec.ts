import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort } from '../servers/free-port.js';
import { startFerretDb, type NoCredentials, type RunningServer } from '../servers/index.js';
import { objectPath, type Client } from './client.js';
import { RunningSpumoni, until } from './running-spumoni.js';
import { SwitchableLine } from './switchable-line.js';
import { isInstalled } from './vendor-servers.js';

const SETTINGS = {
  SPUMONI_API_PROCESSES: '2',
  SPUMONI_GARBAGE_GRACE_SECONDS: '0.5',
  SPUMONI_SWEEP_SECONDS: '0.5',
};
/** The driver's own patience is some seconds; the rest is for a busy machine. */
const ANSWERS_WITHIN_MS = 40_000;
const RECOVERS_WITHIN_MS = 90_000;

interface Page {
  readonly objects: readonly { readonly key: string }[];
  readonly commonPrefixes: readonly string[];
}

describe('two API processes with their index on MongoDB', () => {
  if (!isInstalled('ferretdb')) return;
  let mongo: RunningServer<NoCredentials>;
  let line: SwitchableLine;
  let spumoni: RunningSpumoni | undefined;
  let client: Client;
  beforeAll(async () => {
    mongo = await startFerretDb();
    line = await SwitchableLine.to(mongo.endpoint);
    const url = line.origin.replace('http:', 'mongodb:');
    spumoni = await RunningSpumoni.start({ environment: { ...SETTINGS, SPUMONI_MONGODB_URL: `${url}/spumoni` } });
    client = spumoni.client();
    await client.expect(200, 'PUT', '/v1/photos', { json: { name: 'photos', backend: 'local' } });
  }, 150_000);
  afterAll(async () => {
    await spumoni?.stop();
    await line.close();
    await mongo.stop();
  });

  const list = async (query: string): Promise<Page> =>
    (await client.expect(200, 'GET', `/v1/photos${query}`)).json() as Page;

  it('put, get, list and delete, in the order of UTF-8 bytes, whichever process answers', async () => {
    const keys = ['b/1', '\u{1f600}', 'a', '\uff5e', 'b/2'];
    await Promise.all(keys.map((key) => client.expect(200, 'PUT', objectPath('photos', key), { body: key })));
    for (let round = 0; round < 5; round += 1) {
      for (const key of keys) expect((await client.expect(200, 'GET', objectPath('photos', key))).text()).toBe(key);
      expect((await list('')).objects.map(({ key }) => key)).toEqual(['a', 'b/1', 'b/2', '\uff5e', '\u{1f600}']);
    }
    expect(await list('?delimiter=/')).toMatchObject({
      objects: [{ key: 'a' }, { key: '\uff5e' }, { key: '\u{1f600}' }],
      commonPrefixes: ['b/'],
    });
    for (const key of keys) await client.expect(200, 'DELETE', objectPath('photos', key));
    expect((await list('')).objects).toEqual([]);
  }, 60_000);

  it('lose nothing of many writes of one key at once', async () => {
    const bodies = Array.from({ length: 20 }, (_, at) => `body-${at}`);
    const path = objectPath('photos', 'one');
    const answers = await Promise.all(bodies.map((body) => client.send('PUT', path, { body })));
    for (const [at, answer] of answers.entries())
      if (answer.status !== 200) throw new Error(`${bodies[at] ?? ''}: ${answer.status} ${answer.text()}`);
    expect(bodies).toContain((await client.expect(200, 'GET', path)).text());
    expect((await list('')).objects).toHaveLength(1);
  }, 60_000);

  it('answer 503 in time while MongoDB is away, and go on without a restart once it is back, with nothing half-written', async () => {
    const kept = objectPath('photos', 'kept');
    await client.expect(200, 'PUT', kept, { body: 'before' });
    const pids = await spumoni?.pidsOf('api');
    line.pointTo(`http://127.0.0.1:${await freePort()}`);
    const begun = performance.now();
    const during = await Promise.all([
      client.send('GET', kept),
      client.send('GET', '/v1/photos'),
      client.send('PUT', kept, { body: 'lost' }),
      client.send('DELETE', kept),
    ]);
    expect(performance.now() - begun).toBeLessThan(ANSWERS_WITHIN_MS);
    for (const answer of during) {
      expect(answer.status).toBe(503);
      expect(answer.json()).toMatchObject({ code: 'index-unavailable' });
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    expect((await client.send('GET', '/readyz')).json()).toMatchObject({ ready: false, checks: { index: false } });
    line.pointTo(mongo.endpoint);
    await until('it serves again', RECOVERS_WITHIN_MS, async () => (await client.send('GET', kept)).status === 200);
    expect((await client.expect(200, 'GET', kept)).text()).toBe('before');
    await client.expect(200, 'PUT', kept, { body: 'after' });
    expect((await client.expect(200, 'GET', kept)).text()).toBe('after');
    expect(await spumoni?.pidsOf('api')).toEqual(pids);
  }, 120_000);

  it('keep what was acknowledged when MongoDB is killed under writes, and take the unacknowledged back or show it whole', async () => {
    const wrote: string[] = [];
    const tried: string[] = [];
    let killing: Promise<void> | undefined;
    const write = async (): Promise<void> => {
      const key = `k${tried.length}`;
      tried.push(key);
      const answer = await client.send('PUT', objectPath('photos', key), { body: key });
      if (answer.status === 200) wrote.push(key);
      else expect([503, 504]).toContain(answer.status);
      if (wrote.length >= 30) killing ??= mongo.kill();
    };
    const writeUntilKilled = async (): Promise<void> => {
      while (killing === undefined) await write();
      await write();
    };
    await Promise.all([writeUntilKilled(), writeUntilKilled(), writeUntilKilled()]);
    await killing;
    await mongo.restart();
    await until(
      'it serves again',
      RECOVERS_WITHIN_MS,
      async () => (await client.send('GET', '/v1/photos')).status === 200,
    );
    const { objects } = await list('?prefix=k&maxKeys=1000');
    for (const key of wrote) expect(objects.map((object) => object.key)).toContain(key);
    for (const { key } of objects.filter(({ key: name }) => name !== 'kept'))
      expect((await client.expect(200, 'GET', objectPath('photos', key))).text()).toBe(key);
  }, 240_000);

  it('delete the bucket with all that MongoDB knew of it', async () => {
    for (const { key } of (await list('?maxKeys=1000')).objects)
      await client.expect(200, 'DELETE', objectPath('photos', key));
    // Bytes whose commit was cut off become garbage now that MongoDB is back, and the sweep deletes them.
    await until('nothing is left of what was cut off', RECOVERS_WITHIN_MS, async () => {
      const answer = await client.send('DELETE', '/v1/photos');
      return answer.status === 200;
    });
    await client.expect(404, 'GET', '/v1/photos');
  }, 60_000);
});
