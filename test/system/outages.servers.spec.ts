import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { objectPath, type Answer, type Client } from './client.js';
import { RunningSpumoni, until } from './running-spumoni.js';
import { SwitchableLine } from './switchable-line.js';
import { isInstalled, openDirect, startVendor, type VendorServer } from './vendor-servers.js';

const SETTINGS = {
  SPUMONI_BACKEND_DEADLINE_SECONDS: '2',
  SPUMONI_GARBAGE_GRACE_SECONDS: '0.5',
  SPUMONI_SWEEP_SECONDS: '0.5',
  SPUMONI_HEARTBEAT_SECONDS: '1',
  SPUMONI_DEAD_AFTER_SECONDS: '5',
  SPUMONI_MARKER_SECONDS: '0',
};
/** Three tries of two seconds each, the pauses between them, and what a busy machine adds: far from for ever. */
const ANSWERS_WITHIN_MS = 40_000;
/** Who waits for no vendor takes milliseconds. */
const PROMPT_MS = 1_500;
const RECOVERS_WITHIN_MS = 90_000;
const LOCAL = objectPath('on-local', 'key');
const REMOTE = objectPath('on-vendor', 'key');

async function makeBuckets(client: Client, backend: string): Promise<void> {
  await client.expect(200, 'PUT', '/v1/on-local', { json: { name: 'on-local', backend: 'local' } });
  await client.expect(200, 'PUT', '/v1/on-vendor', { json: { name: 'on-vendor', backend } });
  for (const path of [LOCAL, REMOTE]) await client.expect(200, 'PUT', path, { body: 'before' });
}

/** The answer and how long it took. */
async function timed(work: () => Promise<Answer>): Promise<{ answer: Answer; ms: number }> {
  const begun = performance.now();
  return { answer: await work(), ms: performance.now() - begun };
}

/** An honest 503 within the deadline (invariant 8): a problem document, with the seconds to wait. */
function expectHonest({ answer, ms }: { answer: Answer; ms: number }): void {
  expect({ status: answer.status, text: answer.status === 503 ? '' : answer.text() }).toEqual({
    status: 503,
    text: '',
  });
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(ms).toBeLessThan(ANSWERS_WITHIN_MS);
}

/** The quickest of so many looks: whoever waits for the vendor always does, and a machine that stalls does not stall each time. */
async function expectLocalPrompt(client: Client, looks = 4): Promise<void> {
  const times: number[] = [];
  for (let look = 0; look < looks; look += 1) {
    const { answer, ms } = await timed(() => client.send('GET', LOCAL));
    expect(answer.status).toBe(200);
    times.push(ms);
  }
  expect(Math.min(...times)).toBeLessThan(PROMPT_MS);
}

describe('a MinIO that stands still or dies (invariant 8)', () => {
  if (!isInstalled('minio')) return;
  let spumoni: RunningSpumoni | undefined;
  let minio: VendorServer;
  let client: Client;
  beforeAll(async () => {
    minio = await startVendor('minio');
    spumoni = await RunningSpumoni.start({ environment: SETTINGS });
    client = spumoni.client();
    await client.expect(201, 'POST', '/admin/v1/backends', { json: minio.body });
    await makeBuckets(client, 'minio');
  }, 150_000);
  afterAll(async () => {
    await spumoni?.stop();
    await minio.stop();
  });

  it('is a 503 in time while it stands still, to many at once, and others go on promptly', async () => {
    minio.pause();
    try {
      const waiting = Array.from({ length: 100 }, (_, index) =>
        timed(() =>
          index % 2 === 0
            ? client.send('GET', REMOTE)
            : client.send('PUT', objectPath('on-vendor', `new-${index}`), { body: 'x' }),
        ),
      );
      await expectLocalPrompt(client, 10);
      await client.expect(200, 'PUT', LOCAL, { body: 'meanwhile' });
      const answers = await Promise.all(waiting);
      for (const { answer } of answers) expect([503, 504]).toContain(answer.status);
      for (const [index, answer] of answers.entries()) if (index % 2 === 0) expectHonest(answer);
      expect((await client.expect(200, 'GET', '/v1/on-vendor')).json()).toMatchObject({ objects: [{ key: 'key' }] });
    } finally {
      minio.resume();
    }
    await until('it serves again', RECOVERS_WITHIN_MS, async () => (await client.send('GET', REMOTE)).status === 200);
  }, 120_000);

  it('is a 503 while it is dead, and serves again, without a restart, once it lives', async () => {
    await minio.kill();
    expectHonest(await timed(() => client.send('GET', REMOTE)));
    await expectLocalPrompt(client);
    await minio.restart();
    await until('it serves again', RECOVERS_WITHIN_MS, async () => (await client.send('GET', REMOTE)).status === 200);
    expect((await client.expect(200, 'GET', REMOTE)).text()).toBe('before');
    await client.expect(200, 'PUT', REMOTE, { body: 'before' });
  }, 120_000);
});

/** moto takes any keys, so a second one answers as the first would, had it been emptied. */
describe('an endpoint that leads elsewhere', () => {
  if (!isInstalled('moto')) return;
  let spumoni: RunningSpumoni | undefined;
  let right: VendorServer;
  let wrong: VendorServer;
  let line: SwitchableLine;
  let client: Client;
  let babble: Server;
  beforeAll(async () => {
    [right, wrong] = [await startVendor('moto', 'vendor'), await startVendor('moto')];
    line = await SwitchableLine.to(right.body.endpoint ?? '');
    babble = await startBabble();
    spumoni = await RunningSpumoni.start({ environment: SETTINGS });
    client = spumoni.client();
    await client.expect(201, 'POST', '/admin/v1/backends', { json: { ...right.body, endpoint: line.origin } });
    await makeBuckets(client, 'vendor');
    for (const key of ['second', 'third']) await client.expect(200, 'PUT', objectPath('on-vendor', key), { body: key });
  }, 150_000);
  afterAll(async () => {
    await spumoni?.stop();
    await line.close();
    babble.close();
    await Promise.all([right.stop(), wrong.stop()]);
  });

  const expectAllThere = async (): Promise<void> => {
    const listed = (await client.expect(200, 'GET', '/v1/on-vendor')).json();
    expect(listed).toMatchObject({ objects: [{ key: 'key' }, { key: 'second' }, { key: 'third' }] });
  };
  const expectUnavailable = async (): Promise<void> => {
    for (const key of ['key', 'second'])
      expectHonest(await timed(() => client.send('GET', objectPath('on-vendor', key))));
    await expectLocalPrompt(client);
    await expectAllThere();
  };
  const expectWritesRefused = async (): Promise<void> => {
    const refused = await client.send('PUT', objectPath('on-vendor', 'second'), { body: 'lost' });
    expect([503, 504]).toContain(refused.status);
  };
  const expectBack = async (): Promise<void> => {
    line.pointTo(right.body.endpoint ?? '');
    await until('it serves again', RECOVERS_WITHIN_MS, async () => (await client.send('GET', REMOTE)).status === 200);
    for (const key of ['second', 'third'])
      expect((await client.expect(200, 'GET', objectPath('on-vendor', key))).text()).toBe(key);
    await expectAllThere();
  };

  it('is a 503 where an empty store answers; nothing is marked or deleted, and all is there once it leads back', async () => {
    line.pointTo(wrong.body.endpoint ?? '');
    await expectUnavailable();
    await expectWritesRefused();
    await expectBack();
  }, 120_000);

  it("is a 503 where somebody else's container of that name answers", async () => {
    const direct = await openDirect(wrong.body);
    await direct.createContainer({ requestId: 'test' }, { container: 'on-vendor' });
    line.pointTo(wrong.body.endpoint ?? '');
    await expectUnavailable();
    await expectWritesRefused();
    const listing = { container: 'on-vendor', include: 'everything', limit: 10 } as const;
    expect((await direct.list({ requestId: 'test' }, listing)).entries).toEqual([]);
    await direct.close();
    await expectBack();
  }, 120_000);

  it('is a 503 where something answers that is no store', async () => {
    line.pointTo(originOf(babble));
    await expectUnavailable();
    await expectWritesRefused();
    await expectBack();
  }, 120_000);

  it('is refused at registration where something answers that is no store', async () => {
    for (const vendor of ['s3', 'azure', 'gcs']) {
      const credentials: Record<string, Record<string, string>> = {
        s3: { accessKey: 'abc', secretKey: 'abcdefgh' },
        azure: { accountName: 'account', accountKey: Buffer.from('key').toString('base64') },
        gcs: {},
      };
      const options = { insecure: true, ...(vendor === 'gcs' ? { projectId: 'project' } : {}) };
      const json = {
        name: `no-${vendor}`,
        type: vendor,
        endpoint: originOf(babble),
        credentials: credentials[vendor],
        options,
      };
      const answer = await client.send('POST', '/admin/v1/backends', { json });
      expect({ vendor, status: answer.status, body: answer.json() }).toMatchObject({
        status: 422,
        body: { code: 'backend-check-failed' },
      });
      expect((await client.send('GET', `/admin/v1/backends/no-${vendor}`)).status).toBe(404);
    }
  }, 60_000);
});

/** Answers everything with 200 and a page that means nothing. */
async function startBabble(): Promise<Server> {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<html><body>It works!</body></html>');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function originOf(server: Server): string {
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('not listening');
  return `http://127.0.0.1:${address.port}`;
}
