import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ArrivingBody } from '../src/http/arriving-body.js';

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('the body of a request, as it arrives', () => {
  let server: Server;
  let serve: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  const sockets = new Set<Socket>();

  beforeAll(async () => {
    server = createServer((request, response) => void serve(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });

  function open(): Socket {
    const socket = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
    sockets.add(socket);
    socket.on('error', () => undefined);
    return socket;
  }

  const head = (length: number): string => `PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n`;

  async function answerOn(socket: Socket): Promise<string> {
    let text = '';
    for (;;) {
      const [chunk] = (await once(socket, 'data')) as [Buffer];
      text += chunk.toString('latin1');
      if (text.endsWith('.')) return text;
    }
  }

  it('has every byte in its order, for readers that are quick, slow, or late, on a connection that is used again', async () => {
    const cases = fc.record({
      size: fc.constantFrom(0, 1, 70_000, 300_000, 1_500_000),
      late: fc.nat({ max: 3 }),
      slow: fc.nat({ max: 2 }),
      piece: fc.integer({ min: 10_000, max: 400_000 }),
    });
    const socket = open();
    await fc.assert(
      fc.asyncProperty(cases, async ({ size, late, slow, piece }) => {
        serve = async (request, response) => {
          for (let i = 0; i < late; i++) await tick();
          const hash = createHash('sha256');
          for await (const chunk of new ArrivingBody(request)) {
            hash.update(chunk);
            for (let i = 0; i < slow; i++) await tick();
          }
          response.end(`${hash.digest('hex')}.`);
        };
        const body = randomBytes(size);
        const answer = answerOn(socket);
        socket.write(head(size));
        for (let at = 0; at < size; at += piece) socket.write(body.subarray(at, at + piece));
        expect((await answer).endsWith(`${digestOf(body)}.`)).toBe(true);
      }),
      { numRuns: 40 },
    );
  }, 60_000);

  it('gives what came before the connection was cut, and then fails', async () => {
    const { promise, resolve } = Promise.withResolvers<{ bytes: number; failure: unknown }>();
    serve = async (request) => {
      let bytes = 0;
      try {
        for await (const chunk of new ArrivingBody(request)) {
          bytes += chunk.byteLength;
          if (bytes === 1000) socket.destroy();
        }
        resolve({ bytes, failure: undefined });
      } catch (failure) {
        resolve({ bytes, failure });
      }
    };
    const socket = open();
    socket.write(head(2000));
    socket.write(randomBytes(1000));
    const { bytes, failure } = await promise;
    expect(bytes).toBe(1000);
    expect(failure).toMatchObject({ code: 'ECONNRESET' });
  }, 60_000);

  it('takes no more than its room while nobody reads, and leaves the answer its way when the reader has enough', async () => {
    const size = 64 * 1024 * 1024;
    let taken = 0;
    serve = async (request, response) => {
      const body = new ArrivingBody(request);
      const first = await body.next();
      expect(first.done).toBe(false);
      // Until the client is made to wait: then the connection has had nothing for many turns.
      for (let still = 0; still < 1000; still++) {
        if (request.socket.bytesRead > taken) still = 0;
        taken = request.socket.bytesRead;
        await tick();
      }
      await body.return();
      expect(await body.next()).toEqual({ done: true, value: undefined });
      response.end('enough.');
    };
    const socket = open();
    socket.write(head(size));
    socket.write(Buffer.alloc(size));
    expect(await answerOn(socket)).toMatch(/enough\.$/);
    expect(taken).toBeLessThan(2 * 1024 * 1024);
  }, 60_000);
});
