import { mkdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { START_MS, Stand } from './stand.js';

describe('administration', () => {
  let stand: Stand;
  const second = (): string => `${stand.directory}/second`;
  const ask = (method: string, path: string, json?: unknown) =>
    stand.ask(method, `/admin/v1/${path}`, json === undefined ? {} : { json });
  beforeAll(async () => {
    stand = await Stand.start();
    mkdirSync(second());
  }, START_MS);
  afterAll(() => stand.stop());

  it('A2.1: registers, reads back, lists, checks, changes and removes backends; credentials are never shown', async () => {
    const backend = { name: 'second', type: 'filesystem', options: { path: second() }, credentials: {} };
    const made = await ask('POST', 'backends', backend);
    expect([made.status, made.json]).toMatchObject([201, { name: 'second', state: 'ok', weak: false }]);
    expect((await ask('POST', 'backends', backend)).json).toMatchObject({ status: 409, code: 'backend-exists' });
    const wrong = await ask('POST', 'backends', { name: 'x', type: 'ftp' });
    expect(wrong.json).toMatchObject({ status: 400, code: 'invalid-backend', violations: expect.any(Array) });
    const unreachable = {
      name: 'away',
      type: 's3',
      endpoint: 'http://127.0.0.1:1',
      options: { insecure: true },
      credentials: { accessKey: 'AKIDTEST', secretKey: 'very-secret-value' },
    };
    const refused = await ask('POST', 'backends', unreachable);
    expect(refused.json).toMatchObject({ status: 422, code: 'backend-check-failed' });
    expect(refused.bytes.toString()).not.toContain('very-secret-value');
    const first = await ask('GET', 'backends?limit=1');
    expect(first.json).toMatchObject({ items: [{ name: 'local' }], next: 'local' });
    expect((await ask('GET', 'backends?limit=1&after=local')).json).toMatchObject({
      items: [{ name: 'second' }],
      next: null,
    });
    expect((await ask('GET', 'backends?limit=0')).status).toBe(400);
    expect((await ask('POST', 'backends/second/check')).json).toMatchObject({ state: 'ok' });
    expect((await ask('GET', 'backends/nowhere')).json).toMatchObject({ status: 404, code: 'no-such-backend' });
    await stand.ask('PUT', '/v1/holder', { json: { backend: 'second' } });
    expect((await ask('DELETE', 'backends/second')).json).toMatchObject({ status: 409, code: 'backend-in-use' });
    await stand.ask('DELETE', '/v1/holder');
    expect((await ask('DELETE', 'backends/second')).status).toBe(204);
    expect((await ask('POST', 'backends', backend)).status).toBe(201);
  });

  it('A2.2: tiers map a class per vendor, shown beside each other; a bucket with a policy says where and why', async () => {
    const tiers = await ask('GET', 'tiers');
    expect((tiers.json as { items: { name: string }[] }).items.map(({ name }) => name).sort()).toEqual([
      'Bronze',
      'Gold',
      'Silver',
    ]);
    const made = await ask('PUT', 'tiers/Fast', {
      classes: { aws: 'STANDARD' },
      attributes: { iops: 9 },
      backends: ['local'],
    });
    expect([made.status, made.json]).toMatchObject([201, { name: 'Fast', attributes: { iops: 9 } }]);
    expect((await ask('PUT', 'tiers/fast', { classes: { aws: 'FAST' } })).json).toMatchObject({ code: 'invalid-tier' });
    const bucket = await stand.ask('PUT', '/v1/placed', { json: { policy: 'Fast' } });
    expect(bucket.json).toMatchObject({
      returnCode: 200,
      bucket: { tier: 'Fast', locationconstraint: 'local' },
      reason: expect.stringContaining('local'),
    });
    expect((await stand.ask('GET', '/v1/placed?info')).json).toMatchObject({
      name: 'placed',
      storageClass: 'STANDARD',
      containers: [{ backend: 'local', home: true }],
    });
    const headed = await stand.ask('HEAD', '/v1/placed');
    expect([headed.status, headed.headers.get('x-spumoni-tier')]).toEqual([200, 'Fast']);
    expect((await ask('DELETE', 'tiers/Fast')).json).toMatchObject({ status: 409, code: 'tier-in-use' });
    await stand.ask('DELETE', '/v1/placed');
    expect((await ask('DELETE', 'tiers/Fast')).status).toBe(204);
  });

  it('A2.7 to A2.10: says which rules of whom a name breaks, and what vendors there are', async () => {
    const verdict = await ask('POST', 'names/validate', { name: 'My_Bucket', vendors: ['azure', 'gcs'] });
    expect(verdict.json).toMatchObject({
      name: 'My_Bucket',
      results: [
        { vendor: 'azure', valid: false },
        { vendor: 'gcs', valid: false },
      ],
      suggestion: 'my-bucket',
    });
    expect((await ask('GET', 'vendors?limit=2')).json).toMatchObject({
      items: [{ vendor: 'aws' }, { vendor: 'azure' }],
      next: 'azure',
    });
    expect((await ask('GET', 'vendors/minio')).json).toMatchObject({ type: 's3', profile: 'minio' });
    expect((await ask('GET', 'vendors/acme')).status).toBe(404);
  });

  it('plans, starts, shows and cancels a migration; its events begin with how it stands and end with it', async () => {
    await stand.ask('PUT', '/v1/moving', { json: { backend: 'local' } });
    await stand.ask('PUT', '/v1/moving/a', { body: 'a' });
    const wish = { bucket: 'moving', destination: { backend: 'second' } };
    expect((await ask('POST', 'migrations/plan', wish)).json).toMatchObject({ objects: 1, bytes: 1, obstacles: [] });
    expect((await ask('POST', 'migrations', { ...wish, destination: { backend: 'nowhere' } })).status).toBe(400);
    const begun = await ask('POST', 'migrations', wish);
    const { id } = begun.json as { id: string };
    expect([begun.status, begun.json]).toMatchObject([
      202,
      { id, bucket: 'moving', source: 'local', destination: 'second' },
    ]);
    expect((await ask('POST', 'migrations', wish)).json).toMatchObject({ status: 409 });
    const response = await fetch(`${stand.url}/admin/v1/migrations/${id}/events`, {
      headers: { authorization: stand.root },
    });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const reader = (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader.read()).value).toMatch(/^event: progress\ndata: \{.*"state":"planned"/);
    expect((await ask('POST', `migrations/${id}/cancel`)).json).toMatchObject({ id, state: 'cancelled' });
    let rest = '';
    for (let part = await reader.read(); !part.done; part = await reader.read()) rest += part.value;
    expect(rest).toMatch(/"state":"cancelled".*\n\nevent: end\ndata: \{\}\n\n$/s);
    expect((await ask('GET', `jobs/${id}`)).json).toMatchObject({ id, type: 'migration', state: 'cancelled' });
    expect((await ask('GET', 'jobs?type=migration&bucket=moving')).json).toMatchObject({ items: [{ id }], next: null });
    expect((await ask('GET', 'migrations/nonsense')).json).toMatchObject({ status: 404, code: 'no-such-migration' });
    expect((await ask('GET', 'jobs/nonsense/events')).json).toMatchObject({ status: 404, code: 'no-such-job' });
    expect((await ask('POST', `migrations/${id}/pause`)).json).toMatchObject({ status: 409, code: 'wrong-state' });
  });

  it('keeps, previews and runs lifecycle rules', async () => {
    const path = 'buckets/moving/lifecycle';
    expect((await ask('GET', path)).json).toMatchObject({ status: 404, code: 'no-such-lifecycle' });
    const rules = [{ id: 'old', enabled: true, filter: { prefix: '' }, expiration: { days: 1 } }];
    expect((await ask('PUT', path, { rules })).json).toMatchObject({
      bucket: 'moving',
      rules,
      warnings: expect.any(Array),
    });
    expect((await ask('PUT', path, { rules: [{ id: 1 }] })).json).toMatchObject({ code: 'invalid-lifecycle' });
    expect((await ask('POST', `${path}/preview`)).json).toMatchObject({ objects: 1, expire: { objects: 0 } });
    const run = await ask('POST', `${path}/runs`);
    expect([run.status, run.json]).toMatchObject([202, { type: 'lifecycle-run', bucket: 'moving' }]);
    expect((await ask('GET', `${path}/runs`)).json).toMatchObject({ items: [{ id: (run.json as { id: string }).id }] });
    expect((await ask('DELETE', path)).status).toBe(204);
  });

  it('shows how much there is of what', async () => {
    expect((await ask('GET', 'stats')).json).toMatchObject({
      backends: { total: 2, ok: 2 },
      tiers: 3,
      users: 1,
      keys: 1,
    });
  });
});
