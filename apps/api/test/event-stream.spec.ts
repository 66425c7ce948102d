import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MOST_STREAMS, streamEvents } from '../src/http/event-stream.js';
import { beginExchange } from '../src/http/exchange.js';

const NEVER = new AbortController().signal;

async function* untilGone(signal: AbortSignal): AsyncGenerator<number> {
  yield 1;
  if (!signal.aborted) await once(signal, 'abort');
}

describe('streams of events', () => {
  let server: Server;
  beforeAll(async () => {
    server = createServer((request, response) => {
      const reply = { hijack: () => ({ raw: response }) };
      const source = { name: 'one', open: untilGone, allowed: () => Promise.resolve() };
      streamEvents(beginExchange(request, response, false), reply, { signal: NEVER }, source).catch(() =>
        response.writeHead(503).end(),
      );
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
  });
  afterAll(async () => {
    server.closeAllConnections();
    await once(server.close(), 'close');
  });

  it('are bounded in each process, and room comes back when one goes', async () => {
    const { port } = server.address() as AddressInfo;
    const begin = async (): Promise<{ status: number; leave: () => void }> => {
      const leaving = new AbortController();
      const signal = AbortSignal.any([leaving.signal, AbortSignal.timeout(60_000)]);
      const { status } = await fetch(`http://127.0.0.1:${port}/`, { signal });
      return { status, leave: () => leaving.abort() };
    };
    const open = await Promise.all(Array.from({ length: MOST_STREAMS }, begin));
    expect(new Set(open.map(({ status }) => status))).toEqual(new Set([200]));
    expect((await begin()).status).toBe(503);
    open[0]?.leave();
    let again = await begin();
    while (again.status === 503) again = await begin();
    expect(again.status).toBe(200);
    for (const { leave } of [...open, again]) leave();
  }, 60_000);
});
