import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Server as TcpServer, Socket } from 'node:net';
import { isBackendError } from '../src/errors.js';
import type { BackendError, BackendErrorKind } from '../src/errors.js';
import type { Call } from '../src/object-backend.js';
import { createWire, sourceFailureOf } from '../src/wire/index.js';
import type { Wire, WireOptions } from '../src/wire/index.js';

const call: Call = { requestId: 'r-1' };
const closing: (() => unknown)[] = [];

afterEach(async () => {
  jest.useRealTimers();
  for (const close of closing.splice(0).reverse()) await close();
});

async function listen(server: Server | TcpServer): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    if ('closeAllConnections' in server) server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function wireTo(listener: RequestListener, options: Partial<WireOptions> = {}): Promise<Wire> {
  const origin = await listen(createServer(listener));
  return open(origin, options);
}

function open(origin: string, options: Partial<WireOptions> = {}): Wire {
  const wire = createWire({ backend: 'b1', origin, ...options });
  closing.push(() => wire.close());
  return wire;
}

async function wireToSocket(answer: (socket: Socket) => void): Promise<Wire> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => answer(socket));
  });
  closing.push(() => sockets.forEach((socket) => socket.destroy()));
  return open(await listen(server));
}

async function failure(promise: Promise<unknown>, kind: BackendErrorKind): Promise<BackendError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isBackendError(error)) throw new Error(`expected a BackendError of kind ${kind}, got ${String(error)}`);
  expect(error.kind).toBe(kind);
  return error;
}

async function read(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** From now on timers alone stand still until they are moved on: what comes over a socket comes as ever. */
function stopTimers(): void {
  jest.useFakeTimers({
    doNotFake: ['Date', 'hrtime', 'nextTick', 'performance', 'queueMicrotask', 'setImmediate', 'clearImmediate'],
  });
}

/** Lets everything arrive that is under way between sockets of this process. */
async function arrivals(): Promise<void> {
  for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

async function* chunks(...sizes: number[]): AsyncGenerator<Uint8Array> {
  for (const size of sizes) yield Buffer.alloc(size, 'x');
}

/** Reads requests to their end, and remembers how each ended. */
function recorder(): {
  listener: RequestListener;
  received: Promise<{ bytes: number; complete: boolean; request: IncomingMessage }>;
} {
  let settle: (value: { bytes: number; complete: boolean; request: IncomingMessage }) => void = () => undefined;
  const received = new Promise<{ bytes: number; complete: boolean; request: IncomingMessage }>(
    (resolve) => (settle = resolve),
  );
  return {
    received,
    listener: (request, response) => {
      let bytes = 0;
      request.on('data', (chunk: Buffer) => (bytes += chunk.length));
      request.on('error', () => undefined);
      request.on('close', () => settle({ bytes, complete: request.complete, request }));
      request.on('end', () => response.end('ok'));
    },
  };
}

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

describe('wire: exact bodies', () => {
  it.each([
    ['in one chunk', [10]],
    ['in many', [1, 0, 4, 5]],
    ['empty', []],
    ['of empty chunks', [0, 0]],
  ])('sends a stream of the announced length %s', async (_, sizes) => {
    const { listener, received } = recorder();
    const wire = await wireTo(listener);
    const size = sizes.reduce((sum, each) => sum + each, 0);
    const answer = await wire.send(
      { method: 'PUT', path: '/', headers: {}, body: chunks(...sizes), contentLength: size },
      call,
    );
    expect(answer.status).toBe(200);
    answer.body.discard();
    const { bytes, complete, request } = await received;
    expect([bytes, complete, request.headers['content-length']]).toEqual([size, true, String(size)]);
  });

  it.each([
    ['longer by a byte in the last chunk', [5, 6]],
    ['longer by a chunk after its end', [5, 5, 1]],
    ['shorter by a byte', [5, 4]],
    ['longer, in one chunk', [11]],
    ['empty', []],
  ])('fails with invalid, and completes nothing at the vendor, when a body is %s', async (_, sizes) => {
    const { listener, received } = recorder();
    const wire = await wireTo(listener);
    await failure(
      wire.send({ method: 'PUT', path: '/', headers: {}, body: chunks(...sizes), contentLength: 10 }, call),
      'invalid',
    );
    // Nothing may have been sent at all; a request that began must not be complete.
    const probe = await wire.send({ method: 'PUT', path: '/', headers: {}, body: chunks(1), contentLength: 1 }, call);
    probe.body.discard();
    const first = await received;
    expect(first.complete && first.bytes === 10).toBe(false);
  });

  it('refuses bytes in memory of another length than announced', async () => {
    const wire = await wireTo(recorder().listener);
    await failure(
      wire.send({ method: 'PUT', path: '/', headers: {}, body: Buffer.alloc(3), contentLength: 4 }, call),
      'invalid',
    );
  });

  it('tells a failing source from a failing vendor', async () => {
    const { listener, received } = recorder();
    const wire = await wireTo(listener);
    const gone = new Error('the client went away');
    const body = (async function* () {
      yield Buffer.alloc(4);
      yield Buffer.alloc(4);
      throw gone;
    })();
    const error = await failure(
      wire.send({ method: 'PUT', path: '/', headers: {}, body, contentLength: 10 }, call),
      'invalid',
    );
    expect(sourceFailureOf(error)?.cause).toBe(gone);
    expect((await received).complete).toBe(false);
  });

  it('gives an answer that comes before the body has ended, and stops reading its source', async () => {
    let returned: () => void = () => undefined;
    const stopped = new Promise<void>((resolve) => (returned = resolve));
    const wire = await wireTo((request, response) => {
      request.on('error', () => undefined);
      request.once('data', () => response.writeHead(403, { connection: 'close' }).end('no'));
    });
    const body = (async function* () {
      try {
        for (;;) {
          yield Buffer.alloc(100);
          await new Promise((resolve) => setImmediate(resolve));
        }
      } finally {
        returned();
      }
    })();
    const answer = await wire.send({ method: 'PUT', path: '/', headers: {}, body, contentLength: 1e12 }, call);
    expect(answer.status).toBe(403);
    await read(answer.body);
    await stopped;
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

describe('wire: failures', () => {
  it('answers unavailable where nobody listens, and where the name does not exist', async () => {
    const server = createTcpServer();
    const origin = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    expect(
      (await failure(open(origin).send({ method: 'GET', path: '/', headers: {} }, call), 'unavailable')).message,
    ).toContain('refused');
    await failure(open('http://nowhere.invalid').send({ method: 'GET', path: '/', headers: {} }, call), 'unavailable');
  });

  it.each([
    ['cut before the headers', (socket: Socket) => socket.destroy()],
    ['not HTTP', (socket: Socket) => socket.end('220 mail ready\r\n')],
  ])('answers unavailable when the answer is %s', async (_, answer) => {
    const wire = await wireToSocket(answer);
    expect((await failure(wire.send({ method: 'GET', path: '/', headers: {} }, call), 'unavailable')).retryable).toBe(
      true,
    );
  });

  it('throws unavailable from a body that is cut, after the bytes that came', async () => {
    const wire = await wireToSocket((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc'));
    const { body } = await wire.send({ method: 'GET', path: '/', headers: {} }, call);
    await failure(read(body), 'unavailable');
  });

  it('times out on silence before the answer and in the middle of it', async () => {
    const mute = await wireToSocket(() => undefined);
    await failure(mute.send({ method: 'GET', path: '/', headers: {} }, { ...call, deadlineMs: 30 }), 'timeout');
    const stuck = await wireToSocket((socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc'));
    stopTimers();
    const { body } = await stuck.send({ method: 'GET', path: '/', headers: {} }, { ...call, deadlineMs: 500 });
    const reading = failure(read(body), 'timeout');
    await arrivals();
    jest.advanceTimersByTime(500);
    await reading;
  });

  it('does not take a slow source or a slow reader for a silent vendor', async () => {
    const { listener } = recorder();
    const wire = await wireTo(listener);
    stopTimers();
    const body = (async function* () {
      await arrivals();
      jest.advanceTimersByTime(700);
      yield Buffer.alloc(1);
    })();
    const answer = await wire.send(
      { method: 'PUT', path: '/', headers: {}, body, contentLength: 1 },
      { ...call, deadlineMs: 300 },
    );
    await arrivals();
    jest.advanceTimersByTime(600);
    expect((await read(answer.body)).toString()).toBe('ok');
  });

  it.each(['before', 'during', 'in the body'])('ends with the caller’s reason when aborted %s', async (when) => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const wire = await wireToSocket((socket) => {
      if (when === 'during') controller.abort(reason);
      else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc');
    });
    if (when === 'before') controller.abort(reason);
    const sent = wire.send({ method: 'GET', path: '/', headers: {} }, { ...call, signal: controller.signal });
    const reading = when === 'in the body' ? sent.then(({ body }) => (controller.abort(reason), read(body))) : sent;
    expect((await failure(reading, 'timeout')).cause).toBe(reason);
  });

  it('fails calls under way with unavailable when closed', async () => {
    const wire = await wireToSocket(() => void wire.close());
    await failure(wire.send({ method: 'GET', path: '/', headers: {} }, call), 'unavailable');
    await failure(wire.send({ method: 'GET', path: '/', headers: {} }, call), 'unavailable');
  });

  it('refuses a header that would break the line', async () => {
    const wire = await wireTo(recorder().listener);
    await failure(wire.send({ method: 'GET', path: '/', headers: { 'x-a': 'b\r\nx-c: d' } }, call), 'invalid');
  });
});
