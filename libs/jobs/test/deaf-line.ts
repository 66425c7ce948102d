import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A way to a server that can lose its memory of the connections it carries, as a firewall does: they stay open at both ends, and nothing passes any more. New ones pass. */
export class DeafLine {
  readonly #sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    readonly url: string,
    target: URL,
  ) {
    server.on('connection', (socket) => this.#carry(socket, connect(Number(target.port), target.hostname)));
  }

  static async to(url: string): Promise<DeafLine> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (typeof address !== 'object' || address === null) throw new Error('no port');
    const target = new URL(url);
    return new DeafLine(server, `${target.protocol}//127.0.0.1:${address.port}`, target);
  }

  /** What is connected now is carried no more. */
  swallow(): void {
    for (const socket of this.#sockets) {
      socket.unpipe();
      socket.resume();
    }
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const closed = once(this.server, 'close');
    this.server.close();
    await closed;
  }

  #carry(one: Socket, other: Socket): void {
    for (const [from, to] of [
      [one, other],
      [other, one],
    ] as const) {
      this.#sockets.add(from);
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
  }
}
