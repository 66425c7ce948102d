import { once } from 'node:events';
import { connect, createServer, type NetConnectOpts, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const RETRY_MS = 20;

/** A way to a server that can lose its memory of the connections it carries, as a firewall does: they stay open at both ends, and nothing passes any more. New ones pass, or are swallowed too. */
export class DeafLine {
  readonly #sockets = new Set<Socket>();
  #isDeaf = false;
  #swallowed = 0;

  private constructor(
    private readonly server: Server,
    readonly url: string,
    private readonly target: NetConnectOpts,
  ) {
    server.on('connection', (socket) => this.#take(socket));
  }

  static async to(url: string): Promise<DeafLine> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (typeof address !== 'object' || address === null) throw new Error('no port');
    const { protocol, hostname, port } = new URL(url);
    return new DeafLine(server, `${protocol}//127.0.0.1:${address.port}`, { host: hostname, port: Number(port) });
  }

  /** From one socket's file to another's. */
  static async between(path: string, target: string): Promise<DeafLine> {
    const server = createServer().listen(path);
    await once(server, 'listening');
    return new DeafLine(server, path, { path: target });
  }

  /** What is connected now is carried no more. */
  swallow(): void {
    for (const socket of this.#sockets) {
      socket.unpipe();
      socket.resume();
    }
  }

  /** Nor is what connects from now on, until `carry`. */
  swallowAll(): void {
    this.#isDeaf = true;
    this.#swallowed = 0;
    this.swallow();
  }

  /** Resolves once so many have connected since `swallowAll`. */
  async swallows(count: number): Promise<void> {
    while (this.#swallowed < count) await delay(RETRY_MS);
  }

  /** What connects from now on is carried. What was swallowed stays so. */
  carry(): void {
    this.#isDeaf = false;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const closed = once(this.server, 'close');
    this.server.close();
    await closed;
  }

  #take(socket: Socket): void {
    if (!this.#isDeaf) {
      this.#carry(socket, connect(this.target));
      return;
    }
    this.#swallowed += 1;
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
    socket.resume();
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
