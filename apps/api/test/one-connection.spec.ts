import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { head, RawClient, type RawAnswer } from './raw-client.js';
import { START_MS, Stand } from './stand.js';

/** Requests that are sent on one connection without waiting for answers (RFC 9112 section 9.3.2), and what follows them. */
describe('requests on one connection', () => {
  let stand: Stand;
  beforeAll(async () => {
    stand = await Stand.start();
    await stand.ask('PUT', '/v1/line', { json: { backend: 'local' } });
  }, START_MS);
  afterAll(() => stand.stop());

  const put = (key: string, body: string, headers: Record<string, string | number> = {}): string =>
    head('PUT', `/v1/line/${key}`, { Authorization: stand.root, 'Content-Length': body.length, ...headers }) + body;
  const get = (key: string, headers: Record<string, string | number> = {}): string =>
    head('GET', `/v1/line/${key}`, { Authorization: stand.root, ...headers });
  const sent = async (text: string): Promise<RawAnswer> => {
    const client = await RawClient.open(stand.port);
    client.send(text);
    return client.untilClosed();
  };
  const statuses = ({ text }: RawAnswer): string[] => text.match(/(?<=HTTP\/1\.1 )\d+/g) ?? [];

  it('are served in their order: of uploads of one key the last stands, and a read after them shows it', async () => {
    for (let round = 0; round < 10; round += 1) {
      const uploads = Array.from({ length: 10 }, (_, at) => put('same', `${round}-${at}`)).join('');
      const answer = await sent(uploads + get('same', { Connection: 'close' }));
      expect(statuses(answer)).toEqual(Array.from({ length: 11 }, () => '200'));
      expect(answer.text.endsWith(`${round}-9`)).toBe(true);
      expect((await stand.ask('GET', '/v1/line/same')).bytes.toString()).toBe(`${round}-9`);
    }
  });

  it('end with the one that says so: what follows it is not done', async () => {
    const answer = await sent(put('first', 'first', { Connection: 'close' }) + put('second', 'second'));
    const first = await stand.ask('GET', '/v1/line/first');
    expect([statuses(answer), first.status]).toEqual(answer.status === 200 ? [['200'], 200] : [['400'], 404]);
    expect((await stand.ask('GET', '/v1/line/second')).status).toBe(404);
  });

  it('are bounded in number', async () => {
    const answer = await sent(get('same').repeat(300));
    expect(answer.closed).toBe(true);
    expect(statuses(answer).length).toBeLessThan(300);
    expect((await stand.ask('GET', '/v1/line/same')).status).toBe(200);
  });

  it.each([
    ['of no bytes', '', 'none'],
    ['of a few', 'hello', 'few'],
  ])('an upload %s is told what became of it, whatever nonsense follows', async (_, body, key) => {
    for (const nonsense of ['\0\0\r\n\r\n', `${put('behind', 'x')}NONSENSE\r\n\r\n`]) {
      const { status } = await sent(put(key, body) + nonsense);
      const stored = await stand.ask('GET', `/v1/line/${key}`);
      expect([status, stored.status]).toEqual(status === 200 ? [200, 200] : [400, 404]);
      expect((await stand.ask('GET', '/v1/line/behind')).status).toBe(404);
      await stand.ask('DELETE', `/v1/line/${key}`);
    }
  });
});
