import { afterEach, describe, expect, it } from '@jest/globals';
import type { Socket } from 'node:net';
import { call, closeAll, failure, read, wireTo, wireToSocket } from './wire-fixture.js';

afterEach(closeAll);

describe('a body that came whole', () => {
  const head = 'HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n';
  const request = { method: 'GET', path: '/', headers: {} };

  it('with the head is at hand at once, and can still be read or given up', async () => {
    const wire = await wireToSocket((socket) => socket.write(`${head}content`));
    const { body } = await wire.send(request, call);
    expect(Buffer.from(body.whole ?? []).toString()).toBe('content');
    expect((await read(body)).toString()).toBe('content');
    expect(body.whole).toBeUndefined();
    body.discard();
  });

  it('is not at hand while some of it is still to come, nor where it is cut', async () => {
    const sockets: Socket[] = [];
    const wire = await wireToSocket((socket) => {
      sockets.push(socket);
      socket.write(`${head}con`);
    });
    const { body } = await wire.send(request, call);
    expect(body.whole).toBeUndefined();
    sockets[0]?.destroy();
    const error = await failure(read(body), 'unavailable');
    expect(error.backend).toBe('b1');
    expect(body.whole).toBeUndefined();
  });
});

describe('wire: requests and answers', () => {
  it('sends path and headers as they are and answers headers in lower case', async () => {
    const seen: { url?: string | undefined; header?: string | string[] | undefined } = {};
    const wire = await wireTo((request, response) => {
      seen.url = request.url;
      seen.header = request.headers['x-one'];
      response.writeHead(404, { 'X-Two': ['a', 'b'], 'Content-Type': 'text/plain' }).end('gone');
    });
    const answer = await wire.send({ method: 'GET', path: '/a%2Fb?c=%20', headers: ['X-One', '1'] }, call);
    expect([answer.status, answer.headers['x-two'], answer.headers['content-type']]).toEqual([
      404,
      'a, b',
      'text/plain',
    ]);
    expect(Buffer.from(await answer.body.collect(10)).toString()).toBe('gone');
    expect(seen).toEqual({ url: '/a%2Fb?c=%20', header: '1' });
  });

  it('keeps one connection for many calls, HEAD included, and never exceeds its limit', async () => {
    const sockets = new Set<unknown>();
    const wire = await wireTo(
      (request, response) => {
        sockets.add(request.socket);
        response.end(request.method === 'HEAD' ? undefined : 'x'.repeat(1000));
      },
      { connections: 2 },
    );
    await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const answer = await wire.send({ method: i % 2 ? 'HEAD' : 'GET', path: '/', headers: {} }, call);
        expect((await read(answer.body)).length).toBe(i % 2 ? 0 : 1000);
      }),
    );
    expect(sockets.size).toBe(2);
  });

  it('holds a fast vendor back while its reader is slow, and then gives every byte', async () => {
    const size = 64 * 1024 * 1024;
    let written = 0;
    const block = Buffer.alloc(1024 * 1024, 7);
    const wire = await wireTo((_, response) => {
      response.writeHead(200, { 'content-length': size });
      const pump = (): void => {
        while (written < size) {
          written += block.length;
          if (!response.write(block)) return void response.once('drain', pump);
        }
        response.end();
      };
      pump();
    });
    const answer = await wire.send({ method: 'GET', path: '/', headers: {} }, call);
    const iterator = answer.body[Symbol.asyncIterator]();
    const first = await iterator.next();
    let before = -1;
    // The sender has stopped when two looks, each after the event loop turned many times, see the same figure.
    while (before !== written) {
      before = written;
      for (let i = 0; i < 200; i++) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(written).toBeLessThan(size / 2);
    expect((first.value?.byteLength ?? 0) + (await read(answer.body)).length).toBe(size);
  });

  it('frees the connection when an iteration ends early, or a body is discarded', async () => {
    const closed: Promise<unknown>[] = [];
    const wire = await wireTo(
      (request, response) => {
        closed.push(new Promise((resolve) => request.socket.on('close', resolve)));
        response.writeHead(200, { 'content-length': 100_000_000 });
        response.write(Buffer.alloc(1_000_000));
      },
      { connections: 1 },
    );
    for (const leave of ['break', 'discard']) {
      const { body } = await wire.send({ method: 'GET', path: '/', headers: {} }, call);
      if (leave === 'discard') body.discard();
      else for await (const chunk of body) if (chunk.byteLength) break;
    }
    await Promise.all(closed);
    expect(closed.length).toBe(2);
  });

  it('refuses to collect more than its limit', async () => {
    const wire = await wireTo((_, response) => response.end('x'.repeat(5000)));
    const { body } = await wire.send({ method: 'GET', path: '/', headers: {} }, call);
    await failure(body.collect(4999), 'unavailable');
  });
});

describe('wire: a call that ends while it waits for a connection', () => {
  it('does not end the connection of the others', async () => {
    const sockets = new Set<unknown>();
    const held: (() => void)[] = [];
    const wire = await wireTo(
      (request, response) => {
        sockets.add(request.socket);
        if (request.url === '/held') held.push(() => response.end('late'));
        else response.end('soon');
      },
      { connections: 1 },
    );
    const first = wire.send({ method: 'GET', path: '/held', headers: {} }, call);
    await failure(wire.send({ method: 'GET', path: '/waits', headers: {} }, { ...call, deadlineMs: 30 }), 'timeout');
    held.forEach((release) => release());
    expect((await read((await first).body)).toString()).toBe('late');
    const next = await wire.send({ method: 'GET', path: '/next', headers: {} }, call);
    expect((await read(next.body)).toString()).toBe('soon');
    expect(sockets.size).toBe(1);
  });
});
