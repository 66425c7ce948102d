import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { head, RawClient } from './raw-client.js';
import { START_MS, Stand } from './stand.js';

const MOST = 3;

describe('uploads at the same time', () => {
  let stand: Stand;
  beforeAll(async () => {
    stand = await Stand.start({ SPUMONI_PARALLEL_UPLOADS: String(MOST) });
    await stand.ask('PUT', '/v1/crowded', { json: { backend: 'local' } });
    await stand.ask('PUT', '/v1/crowded/there', { body: 'there' });
  }, START_MS);
  afterAll(() => stand.stop());

  const begin = async (key: string): Promise<RawClient> => {
    const client = await RawClient.open(stand.port);
    const headers = { Authorization: stand.root, 'Content-Length': 2, Expect: '100-continue', Connection: 'close' };
    client.send(head('PUT', `/v1/crowded/${key}`, headers));
    await client.until(/\r\n\r\n/);
    return client;
  };

  it('are bounded: one more is told so before its body is read, everything else goes on, and room comes back', async () => {
    const slow = await Promise.all(Array.from({ length: MOST }, (_, at) => begin(`slow-${at}`)));
    const refused = await stand.ask('PUT', '/v1/crowded/more', { body: 'more' });
    expect([refused.status, refused.json]).toMatchObject([503, { code: 'overloaded' }]);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    const waiting = await begin('waiting');
    expect((await waiting.untilClosed()).text).not.toContain('100 Continue');
    expect((await stand.ask('GET', '/v1/crowded/there')).status).toBe(200);
    expect((await stand.ask('PATCH', '/v1/crowded/there', { json: { tags: { a: 'b' } } })).status).toBe(200);
    for (const client of slow) client.send('ok');
    for (const client of slow) expect((await client.untilClosed()).text).toContain('200 OK');
    expect((await stand.ask('PUT', '/v1/crowded/more', { body: 'more' })).status).toBe(200);
  });

  it('make room again when their clients vanish', async () => {
    const slow = await Promise.all(Array.from({ length: MOST }, (_, at) => begin(`gone-${at}`)));
    for (const client of slow) client.vanish();
    let status = 503;
    while (status === 503) ({ status } = await stand.ask('PUT', '/v1/crowded/after', { body: 'x' }));
    expect(status).toBe(200);
  });
});
