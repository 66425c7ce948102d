import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { head, RawClient } from './raw-client.js';
import { basic, START_MS, Stand, type Answer } from './stand.js';

describe('limits of users and buckets', () => {
  let stand: Stand;
  let ada: string;
  beforeAll(async () => {
    stand = await Stand.start({ SPUMONI_API_PROCESSES: '1' });
    await stand.ask('POST', '/admin/v1/users', { json: { name: 'ada' } });
    const key = await stand.ask('POST', '/admin/v1/keys', { json: { user: 'ada' } });
    const { accessKey, secretKey } = key.json as { accessKey: string; secretKey: string };
    ada = basic(accessKey, secretKey);
  }, START_MS);
  afterAll(() => stand.stop());

  const asAda = (method: string, path: string, body?: string, headers: Record<string, string> = {}) =>
    stand.ask(method, path, { authorization: ada, headers, ...(body === undefined ? {} : { body }) });
  const setBucket = (bucket: string, json: unknown) => stand.ask('PUT', `/admin/v1/buckets/${bucket}/limits`, { json });
  const setUser = (json: unknown) => stand.ask('PUT', '/admin/v1/users/ada/limits', { json });
  const newBucket = async (name: string): Promise<void> => {
    const made = await stand.ask('PUT', `/v1/${name}`, { authorization: ada, json: { backend: 'local' } });
    expect(made.status).toBe(200);
  };
  const expectRefused = (answer: Answer, status: number, code: string): void =>
    expect([answer.status, answer.json]).toMatchObject([status, { code }]);
  const usageOf = async (bucket: string): Promise<unknown> =>
    ((await stand.ask('GET', `/admin/v1/buckets/${bucket}/limits`)).json as { usage: unknown }).usage;

  it('are set by administrators, shown to whom they bind, lifted by {}, and refused with each wrong field', async () => {
    await newBucket('shown');
    const limits = { requestsPerSecond: 1_000, bytesPerSecond: 1e9, objects: 5, bytes: 1_000_000_000_000 };
    const usage = { objects: 0, bytes: 0 };
    expect((await setBucket('shown', limits)).json).toEqual({ ...limits, usage });
    expect((await asAda('GET', '/admin/v1/buckets/shown/limits')).json).toEqual({ ...limits, usage });
    expectRefused(await asAda('PUT', '/admin/v1/buckets/shown/limits', '{}'), 403, 'access-denied');
    expectRefused(await asAda('GET', '/admin/v1/users/ada/limits'), 403, 'access-denied');
    const wrong = await setBucket('shown', { requestsPerSecond: 0, objects: 1.5, speed: 1 });
    expectRefused(wrong, 400, 'invalid-limits');
    expect((wrong.json as { violations: object[] }).violations).toHaveLength(3);
    expectRefused(await setBucket('not-there', {}), 404, 'no-such-bucket');
    expect((await stand.ask('PUT', '/admin/v1/users/nobody/limits', { json: {} })).status).toBe(404);
    expect((await setBucket('shown', {})).json).toEqual({});
  });

  it('of requests: one more is a 429 with the seconds to wait, on every route, and others go on', async () => {
    await newBucket('rated');
    await asAda('PUT', '/v1/rated/k', 'x');
    expect((await setUser({ requestsPerSecond: 3 })).status).toBe(200);
    const routes = ['/v1/rated/k', '/v1/rated', '/v1/', '/admin/v1/users/me'];
    // So many that no pause of the machine lets most of them in.
    const paths = Array.from({ length: 15 }, () => routes).flat();
    const answers = await Promise.all(paths.map((path) => asAda('GET', path)));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThanOrEqual(2);
    for (const answer of refused) {
      expectRefused(answer, 429, 'rate-limited');
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    expect((await stand.ask('GET', '/v1/rated/k')).status).toBe(200);
    await setUser({});
    for (let sent = 0; sent < 20; sent += 1) expect((await asAda('GET', '/v1/rated/k')).status).toBe(200);
  });

  it('of bytes: what went is paid for before more goes', async () => {
    await newBucket('metered');
    expect((await setBucket('metered', { bytesPerSecond: 500 })).status).toBe(200);
    expect((await asAda('PUT', '/v1/metered/k', 'x'.repeat(100_000))).status).toBe(200);
    const refused = await asAda('GET', '/v1/metered/k');
    expectRefused(refused, 429, 'rate-limited');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(5);
    expect((await setBucket('metered', {})).status).toBe(200);
    expect((await asAda('GET', '/v1/metered/k')).status).toBe(200);
  });

  it('of bytes: what came for nothing is paid for as well', async () => {
    const wrong = { 'content-md5': Buffer.alloc(16).toString('base64') };
    for (const [bucket, size] of [
      ['wasted-much', 100_000],
      ['wasted-little', 50_000],
    ] as const) {
      await newBucket(bucket);
      expect((await setBucket(bucket, { bytesPerSecond: 500 })).status).toBe(200);
      expectRefused(await asAda('PUT', `/v1/${bucket}/k`, 'x'.repeat(size), wrong), 400, 'bad-digest');
      expectRefused(await asAda('PUT', `/v1/${bucket}/k`, 'x', {}), 429, 'rate-limited');
    }
  });

  it('of objects: one more is a 507 that says why; replacing, reading and deleting go on, and deleting makes room', async () => {
    await newBucket('counted');
    await asAda('PUT', '/v1/counted/a', '1');
    expect((await setBucket('counted', { objects: 2 })).json).toMatchObject({ usage: { objects: 1, bytes: 1 } });
    expect((await asAda('PUT', '/v1/counted/b', '2')).status).toBe(200);
    const refused = await asAda('PUT', '/v1/counted/c', '3');
    expectRefused(refused, 507, 'quota-exceeded');
    expect(refused.json).toMatchObject({ quota: 'objects', of: 'bucket', limit: 2, used: 2 });
    expectRefused(await asAda('POST', '/v1/counted/c?copyFrom=/counted/a'), 507, 'quota-exceeded');
    expect((await asAda('PUT', '/v1/counted/a', 'longer than before')).status).toBe(200);
    expect((await asAda('GET', '/v1/counted/a')).status).toBe(200);
    expect((await asAda('DELETE', '/v1/counted/b')).status).toBe(200);
    expect(await usageOf('counted')).toEqual({ objects: 1, bytes: 18 });
    expect((await asAda('PUT', '/v1/counted/c', '3')).status).toBe(200);
  });

  it('of bytes stored: also for bodies of unknown length, which are cut off; the old object stays; what shrinks always fits', async () => {
    await newBucket('sized');
    await setBucket('sized', { bytes: 10_000 });
    expect((await asAda('PUT', '/v1/sized/k', 'x'.repeat(6_000))).status).toBe(200);
    expectRefused(await asAda('PUT', '/v1/sized/more', 'x'.repeat(5_000)), 507, 'quota-exceeded');
    const chunked = async (key: string, bytes: number): Promise<number> => {
      const client = await RawClient.open(stand.port);
      const headers = { Authorization: ada, 'Transfer-Encoding': 'chunked', Connection: 'close' };
      client.send(
        `${head('PUT', `/v1/sized/${key}`, headers)}${bytes.toString(16)}\r\n${'y'.repeat(bytes)}\r\n0\r\n\r\n`,
      );
      return (await client.untilClosed()).status;
    };
    expect(await chunked('k', 10_001)).toBe(507);
    expect((await asAda('GET', '/v1/sized/k')).bytes.toString()).toBe('x'.repeat(6_000));
    expect(await chunked('k', 10_000)).toBe(200);
    await setBucket('sized', { bytes: 100 });
    expectRefused(await asAda('PUT', '/v1/sized/new', 'x'), 507, 'quota-exceeded');
    expect(await chunked('k', 9_000)).toBe(200);
    expect(await chunked('k', 9_001)).toBe(507);
    expect((await asAda('PUT', '/v1/sized/k', 'x'.repeat(8_000))).status).toBe(200);
    expect((await asAda('PUT', '/v1/sized/k', '')).status).toBe(200);
    expect(await usageOf('sized')).toEqual({ objects: 1, bytes: 0 });
  });

  it('of bytes stored: bodies of unknown length that come at the same time never pass it together; what was cut off holds nothing', async () => {
    await newBucket('together');
    await setBucket('together', { bytes: 1_000 });
    const clients = await Promise.all(
      Array.from({ length: 5 }, async (_, at) => {
        const client = await RawClient.open(stand.port);
        const headers = { Authorization: ada, 'Transfer-Encoding': 'chunked', Connection: 'close' };
        client.send(`${head('PUT', `/v1/together/${at}`, headers)}190\r\n${'x'.repeat(400)}\r\n`);
        return client;
      }),
    );
    for (const client of clients) client.send('0\r\n\r\n');
    const answers = await Promise.all(clients.map((client) => client.untilClosed()));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 507, 507, 507]);
    expect(await usageOf('together')).toEqual({ objects: 2, bytes: 800 });
    expect((await asAda('PUT', '/v1/together/rest', 'x'.repeat(200))).status).toBe(200);
  });

  it('of what is stored: counted by what a write has really replaced, not by what it found when it began', async () => {
    await newBucket('slow');
    await setBucket('slow', { objects: 5, bytes: 1_000_000 });
    const size = 200_000;
    expect((await asAda('PUT', '/v1/slow/k', 'x'.repeat(size))).status).toBe(200);
    const client = await RawClient.open(stand.port);
    client.send(head('PUT', '/v1/slow/k', { authorization: ada, 'content-length': size, expect: '100-continue' }));
    expect((await client.until(/100 Continue/)).closed).toBe(false);
    expect((await asAda('DELETE', '/v1/slow/k')).status).toBe(200);
    expect(await usageOf('slow')).toEqual({ objects: 0, bytes: 0 });
    client.send('y'.repeat(size));
    await client.until(/Successfully Uploaded/);
    client.end();
    expect(await usageOf('slow')).toEqual({ objects: 1, bytes: size });
  });

  it('of a user: over all buckets of theirs; writes at the same time never pass it together; what failed holds nothing', async () => {
    await newBucket('first-of-two');
    await newBucket('second-of-two');
    const before = (await setUser({ objects: 1_000_000 })).json as { usage: { objects: number } };
    await setUser({ objects: before.usage.objects + 5 });
    const all = await Promise.all(
      Array.from({ length: 40 }, (_, at) => asAda('PUT', `/v1/${at % 2 ? 'first' : 'second'}-of-two/${at}`, 'x')),
    );
    expect(all.filter(({ status }) => status === 200)).toHaveLength(5);
    expect(all.filter(({ status }) => status === 507)).toHaveLength(35);
    expect((await asAda('DELETE', `/v1/first-of-two/x/?recursive=true`)).status).toBe(200);
    const [done] = all.flatMap(({ status, json }, at) => (status === 200 ? [{ at, json }] : []));
    await asAda('DELETE', `/v1/${(done?.at ?? 0) % 2 ? 'first' : 'second'}-of-two/${String(done?.at)}`);
    const bad = { 'content-md5': 'AAAAAAAAAAAAAAAAAAAAAA==' };
    for (let tried = 0; tried < 3; tried += 1)
      expectRefused(await asAda('PUT', '/v1/first-of-two/bad', 'x', bad), 400, 'bad-digest');
    expect((await asAda('PUT', '/v1/first-of-two/good', 'x')).status).toBe(200);
    expectRefused(await asAda('PUT', '/v1/first-of-two/again', 'x'), 507, 'quota-exceeded');
    await setUser({});
  });

  it('go with their bucket: a new one of that name begins without', async () => {
    await newBucket('passing');
    await setBucket('passing', { objects: 0 });
    expectRefused(await asAda('PUT', '/v1/passing/k', 'x'), 507, 'quota-exceeded');
    expect((await asAda('DELETE', '/v1/passing')).status).toBe(200);
    await newBucket('passing');
    expect((await asAda('PUT', '/v1/passing/k', 'x')).status).toBe(200);
  });
});
