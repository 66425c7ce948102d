import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';

/** A server that takes connections and says nothing. What it took it holds until it is closed: it does not even read that the other end is gone. */
export interface BlackHole {
  readonly url: string;
  close(): void;
}

export async function blackHole(): Promise<BlackHole> {
  const held = new Set<Socket>();
  const server = createServer((socket) => {
    held.add(socket);
    socket.on('error', () => socket.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  const close = (): void => {
    server.close();
    for (const socket of held) socket.destroy();
  };
  return { url: `http://127.0.0.1:${address.port}`, close };
}
