import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';

/** A proxy that opens tunnels and remembers them. */
export interface ConnectProxy {
  readonly url: string;
  /** What was asked for, in order, as `host:port`; refused ones are not among them. */
  readonly tunnels: readonly string[];
  readonly refused: number;
  readonly bytes: number;
  close(): Promise<void>;
}

export interface ConnectProxyOptions {
  /** `user:password`; undefined: everybody may. */
  readonly credentials?: string;
  /** Host names that lead to this machine, which nobody else resolves: who gets there came through this proxy. */
  readonly names?: readonly string[];
}

/** CONNECT (RFC 9110 section 9.3.6) on a free port of this machine, to this machine alone. */
export async function startConnectProxy({ credentials, names = [] }: ConnectProxyOptions = {}): Promise<ConnectProxy> {
  const tunnels: string[] = [];
  const sockets = new Set<Socket>();
  const counts = { refused: 0, bytes: 0 };
  const expected = credentials === undefined ? undefined : `Basic ${Buffer.from(credentials).toString('base64')}`;
  const server = createServer((_, answer) => void answer.writeHead(405).end());
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket));
  });
  server.on('connect', (request, client: Socket) => {
    const { host, hostname, port } = new URL(`http://${request.url ?? ''}`);
    const known = [...names, '127.0.0.1', 'localhost'].includes(hostname);
    const wrong = expected !== undefined && request.headers['proxy-authorization'] !== expected;
    if (wrong || !known) {
      counts.refused += 1;
      client.end(`HTTP/1.1 ${wrong ? '407 Proxy Authentication Required' : '403 Forbidden'}\r\n\r\n`);
      return;
    }
    tunnels.push(host);
    const upstream = connect({ host: '127.0.0.1', port: Number(port) }, () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      upstream.pipe(client);
      client.pipe(upstream);
    });
    client.on('data', (chunk: Uint8Array) => (counts.bytes += chunk.byteLength));
    sockets.add(upstream);
    upstream.on('error', () => client.destroy()).on('close', () => sockets.delete(upstream));
    client.on('close', () => upstream.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    tunnels,
    get refused() {
      return counts.refused;
    },
    get bytes() {
      return counts.bytes;
    },
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
