import { expect } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Server as TcpServer, Socket } from 'node:net';
import { isBackendError } from '../src/errors.js';
import type { BackendError, BackendErrorKind } from '../src/errors.js';
import type { Call } from '../src/object-backend.js';
import { createWire } from '../src/wire/index.js';
import type { Wire, WireOptions } from '../src/wire/index.js';

export const call: Call = { requestId: 'r-1' };
const closing: (() => unknown)[] = [];

/** Closes, last opened first, what the test opened: to be called after each. */
export async function closeAll(): Promise<void> {
  for (const close of closing.splice(0).reverse()) await close();
}

export async function listen(server: Server | TcpServer): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    if ('closeAllConnections' in server) server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export async function wireTo(listener: RequestListener, options: Partial<WireOptions> = {}): Promise<Wire> {
  const origin = await listen(createServer(listener));
  return open(origin, options);
}

export function open(origin: string, options: Partial<WireOptions> = {}): Wire {
  const wire = createWire({ backend: 'b1', origin, ...options });
  closing.push(() => wire.close());
  return wire;
}

export async function wireToSocket(answer: (socket: Socket) => void): Promise<Wire> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => answer(socket));
  });
  closing.push(() => sockets.forEach((socket) => socket.destroy()));
  return open(await listen(server));
}

export async function failure(promise: Promise<unknown>, kind: BackendErrorKind): Promise<BackendError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isBackendError(error)) throw new Error(`expected a BackendError of kind ${kind}, got ${String(error)}`);
  expect(error.kind).toBe(kind);
  return error;
}

export async function read(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export async function* chunks(...sizes: number[]): AsyncGenerator<Uint8Array> {
  for (const size of sizes) yield Buffer.alloc(size, 'x');
}

/** Reads requests to their end, and remembers how each ended. */
export function recorder(): {
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
