import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { head, RawClient } from './raw-client.js';
import { START_MS, Stand } from './stand.js';

describe('running the API', () => {
  let stand: Stand;
  beforeAll(async () => {
    stand = await Stand.start({ SPUMONI_CORS_ORIGINS: 'https://dashboard.example' });
    await stand.ask('PUT', '/v1/things', { json: { backend: 'local' } });
  }, START_MS);
  afterAll(() => stand.stop());

  it('tells without a key pair whether it is alive and can serve, and its figures to this machine', async () => {
    const open = { authorization: '' };
    expect((await stand.ask('GET', '/healthz', open)).json).toEqual({ status: 'ok' });
    expect((await stand.ask('GET', '/readyz', open)).json).toMatchObject({ ready: true, checks: { accepting: true } });
    await stand.ask('PUT', '/v1/things/measured', { body: 'x' });
    const figures = (await stand.ask('GET', '/metrics', open)).bytes.toString();
    expect(figures).toMatch(/spumoni_http_request_seconds_count\{operation="putObject",status="200"\} 1/);
    expect(figures).toMatch(/spumoni_backend_call_seconds_count\{backend="local",operation="put",outcome="ok"\}/);
    expect(figures).toMatch(/spumoni_http_requests_in_flight 1/);
    expect(figures).toMatch(/spumoni_job_figures_known 1/);
    // A proxy of this machine asks for people who may be anywhere.
    const proxied = { headers: { 'x-forwarded-for': '203.0.113.7' } };
    expect((await stand.ask('GET', '/metrics', { ...open, ...proxied })).status).toBe(401);
    expect((await stand.ask('GET', '/metrics', proxied)).status).toBe(200);
  });

  it('keeps a sane request id and replaces another', async () => {
    const id = 'trace-1:a/b';
    expect((await stand.ask('GET', '/healthz', { headers: { 'x-request-id': id } })).headers.get('x-request-id')).toBe(
      id,
    );
    const odd = await stand.ask('GET', '/v1/none', { headers: { 'x-request-id': 'a b' } });
    expect(odd.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(odd.json).toMatchObject({ requestId: odd.headers.get('x-request-id') });
  });

  it('lets pages of the origins in the settings in, and no others', async () => {
    const preflight = (origin: string) =>
      stand.ask('OPTIONS', '/v1/things/x', {
        authorization: '',
        headers: { origin, 'access-control-request-method': 'PUT', 'access-control-request-headers': 'x-amz-meta-a' },
      });
    const welcome = await preflight('https://dashboard.example');
    expect([welcome.status, welcome.headers.get('access-control-allow-origin')]).toEqual([
      204,
      'https://dashboard.example',
    ]);
    expect(welcome.headers.get('access-control-allow-headers')).toBe('x-amz-meta-a');
    expect((await preflight('https://evil.example')).headers.has('access-control-allow-origin')).toBe(false);
    const forged = { headers: { origin: 'https://evil.example' } };
    expect((await stand.ask('DELETE', '/v1/things', forged)).json).toMatchObject({
      status: 403,
      code: 'access-denied',
    });
    expect((await stand.ask('GET', '/v1/', forged)).headers.has('access-control-allow-origin')).toBe(false);
    expect(
      (await stand.ask('POST', '/admin/v1/names/validate', { json: { name: 'x' }, headers: { origin: stand.url } }))
        .status,
    ).toBe(200);
  });

  it(
    'stops cleanly: an upload under way is finished and kept, new connections are refused',
    async () => {
      const own = await Stand.start();
      await own.ask('PUT', '/v1/things', { json: { backend: 'local' } });
      const client = await RawClient.open(own.port);
      client.send(
        head('PUT', '/v1/things/late', { Authorization: own.root, 'Content-Length': 10, Expect: '100-continue' }),
      );
      await client.until(/100 Continue/);
      const stopped = own.api.stop(20_000);
      await expect(RawClient.open(own.port)).rejects.toThrow();
      client.send('0123456789');
      const answer = await client.untilClosed();
      expect(answer.text).toContain('"size":10');
      expect(answer.text.toLowerCase()).toContain('connection: close');
      await stopped;
      await own.dispose();
    },
    START_MS,
  );

  it('cuts a download that its client leaves, and goes on serving', async () => {
    await stand.ask('PUT', '/v1/things/big', { body: new Uint8Array(8_000_000) });
    const client = await RawClient.open(stand.port);
    client.send(head('GET', '/v1/things/big', { Authorization: stand.root }));
    await client.until(/200 OK/);
    client.vanish();
    expect((await stand.ask('GET', '/v1/things/big')).bytes).toHaveLength(8_000_000);
  });
});
