import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { START_MS, Stand } from './stand.js';

const DAY = 86_400_000;

interface Usage {
  readonly name: string;
  readonly objects: number;
  readonly requests: Readonly<Record<string, number>>;
}

describe('usage over the API', () => {
  let stand: Stand;
  const usage = async (name: string): Promise<Usage | undefined> =>
    ((await stand.ask('GET', '/admin/v1/usage')).json as { items: Usage[] }).items.find((item) => item.name === name);

  beforeAll(async () => {
    // What is used is kept by the day (UTC): nothing here may go on into another one.
    while (DAY - (Date.now() % DAY) < 60_000) await delay(1_000);
    stand = await Stand.start();
    await stand.ask('PUT', '/v1/counted', { json: { backend: 'local' } });
  }, START_MS);
  afterAll(() => stand.stop());

  it('counts what was served of each kind, with its bytes, and not what was refused', async () => {
    await stand.ask('PUT', '/v1/counted/a', { body: 'twelve bytes' });
    await stand.ask('GET', '/v1/counted/a');
    await stand.ask('GET', '/v1/counted/a', { headers: { range: 'bytes=0-4' } });
    await stand.ask('HEAD', '/v1/counted/a');
    await stand.ask('GET', '/v1/counted/none');
    await stand.ask('GET', '/v1/counted/a', { authorization: '' });
    await stand.ask('GET', '/v1/counted?prefix=a');
    await stand.ask('POST', '/v1/counted/b?copyFrom=/counted/a');
    await stand.ask('PUT', '/v1/not-there/a', { body: 'x' });
    const { counters, controlPlane, engine } = stand.api.deployment;
    await controlPlane.usage.addRequests(engine.clock.now(), counters.take());
    // The flush of five seconds may have come in between: it adds to the same day.
    expect((await usage('counted'))?.requests).toEqual({
      ...{ reads: 3, writes: 2, lists: 1, bytesIn: 12, bytesOut: 17 },
    });
    expect(await usage('not-there')).toBeUndefined();
  });

  it('counts a bucket when asked, and shows prices and history', async () => {
    expect((await stand.ask('POST', '/admin/v1/usage/count?bucket=counted')).status).toBe(204);
    expect(await usage('counted')).toMatchObject({ objects: 2, bytes: 24, uncountedBuckets: 0 });
    expect((await stand.ask('POST', '/admin/v1/usage/count?bucket=none')).status).toBe(404);
    const day = new Date().toISOString().slice(0, 10);
    const history = await stand.ask('GET', `/admin/v1/usage/history?by=tier&from=${day}`);
    expect(history.json).toMatchObject({ items: [{ day, objects: 2, bytes: 24, reads: 3 }], next: null });
    const prices = (await stand.ask('GET', '/admin/v1/prices')).json as { currency: string; prices: object[] };
    expect([prices.currency, prices.prices.length]).toEqual(['USD', 21]);
    // The table that is shown can be put back as it is.
    expect((await stand.ask('PUT', '/admin/v1/prices', { json: prices })).json).toEqual(prices);
    const own = { currency: 'EUR', asOf: '2026-02-01', note: '', prices: [] };
    expect((await stand.ask('PUT', '/admin/v1/prices', { json: own })).json).toEqual(own);
    expect((await stand.ask('PUT', '/admin/v1/prices', { json: { currency: 7 } })).json).toMatchObject({
      ...{ status: 400, code: 'invalid-prices', violations: expect.arrayContaining([expect.anything()]) },
    });
    expect((await stand.ask('DELETE', '/admin/v1/prices')).status).toBe(204);
  });

  it('refuses questions that it does not understand', async () => {
    for (const query of ['?by=moon', '/history?from=today', '/history?after=x', '?name=x'])
      expect((await stand.ask('GET', `/admin/v1/usage${query}`)).status).toBe(400);
  });
});
