import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { basic, START_MS, Stand } from './stand.js';

describe('events over the API', () => {
  let stand: Stand;
  beforeAll(async () => {
    stand = await Stand.start();
    await stand.ask('PUT', '/v1/watched', { json: { backend: 'local' } });
  }, START_MS);
  afterAll(() => stand.stop());

  it('come as server-sent events, under their types, from `ready` on', async () => {
    const gone = new AbortController();
    const response = await fetch(`${stand.url}/admin/v1/events?type=object.created,object.removed&bucket=watched`, {
      headers: { authorization: stand.root },
      signal: gone.signal,
    });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const decoder = new TextDecoder();
    let text = '';
    let isWritten = false;
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      if (text.includes('event: ready') && !isWritten) {
        isWritten = true;
        await stand.ask('PUT', '/v1/watched/a', { body: 'x' });
        await stand.ask('PUT', '/v1/watched/a', { body: 'y' });
        await stand.ask('DELETE', '/v1/watched/a');
      }
      if (/event: object.removed\ndata: .*\n/.test(text)) break;
    }
    gone.abort();
    const events = [...text.matchAll(/id: (\d+)\nevent: (\S+)\ndata: (.*)\n/g)].map(([, , type]) => type);
    expect(events).toEqual(['ready', 'object.created', 'object.removed']);
  }, 30_000);

  it('end for who loses the right to them', async () => {
    const keyOf = async (name: string) => {
      await stand.ask('POST', '/admin/v1/users', { json: { name, role: 'admin' } });
      return (await stand.ask('POST', '/admin/v1/keys', { json: { user: name } })).json as {
        accessKey: string;
        secretKey: string;
      };
    };
    const watch = async ({ accessKey, secretKey }: { accessKey: string; secretKey: string }) => {
      const response = await fetch(`${stand.url}/admin/v1/events`, {
        headers: { authorization: basic(accessKey, secretKey) },
        signal: AbortSignal.timeout(90_000),
      });
      const chunks = (response.body ?? new ReadableStream()).getReader();
      await chunks.read();
      return async () => {
        while (!(await chunks.read()).done);
      };
    };
    const [disabled, demoted] = [await keyOf('disabled'), await keyOf('demoted')];
    const ends = [await watch(disabled), await watch(demoted)];
    await stand.ask('PATCH', `/admin/v1/keys/${disabled.accessKey}`, { json: { disabled: true } });
    await stand.ask('PATCH', '/admin/v1/users/demoted', { json: { role: 'user' } });
    await Promise.all(ends.map((end) => end()));
  }, 120_000);

  it('have webhooks, whose secrets are shown once', async () => {
    const json = { url: 'https://example.com/hook', events: ['object.created'] };
    const made = await stand.ask('POST', '/admin/v1/webhooks', { json });
    expect([made.status, made.json]).toEqual([201, expect.objectContaining({ ...json, disabled: false })]);
    const { id, secret } = made.json as { id: string; secret: string };
    expect(secret).toMatch(/^whsec_[\w-]{43}$/);
    const disabled = await stand.ask('PATCH', `/admin/v1/webhooks/${id}`, { json: { disabled: true } });
    expect(disabled.json).toMatchObject({ id, disabled: true });
    for (const path of ['/admin/v1/webhooks', `/admin/v1/webhooks/${id}`, '/admin/v1/audit']) {
      const shown = await stand.ask('GET', path);
      expect(shown.status).toBe(200);
      expect(shown.bytes.toString()).not.toContain(secret);
    }
    expect((await stand.ask('GET', '/admin/v1/webhook-deliveries?state=dead')).json).toEqual({ items: [], next: null });
    expect((await stand.ask('POST', '/admin/v1/webhook-deliveries/7/resend')).status).toBe(404);
    expect((await stand.ask('DELETE', `/admin/v1/webhooks/${id}`)).status).toBe(204);
    expect((await stand.ask('GET', `/admin/v1/webhooks/${id}`)).status).toBe(404);
  });

  it('refuse what is not understood', async () => {
    const inside = await stand.ask('POST', '/admin/v1/webhooks', { json: { url: 'https://127.0.0.1/' } });
    expect(inside.json).toMatchObject({ status: 400, code: 'invalid-webhook', violations: [{ path: 'url' }] });
    for (const query of ['type=object.eaten', 'after=x', 'what=x'])
      expect((await stand.ask('GET', `/admin/v1/events?${query}`)).status).toBe(400);
  });
});
