import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** An address of its own that leads to whatever server it is pointed to: what a wrong DNS entry does to an endpoint. */
export class SwitchableLine {
  readonly #sockets = new Set<Socket>();
  #target: URL;

  private constructor(
    private readonly server: Server,
    readonly origin: string,
    target: string,
  ) {
    this.#target = new URL(target);
    server.on('connection', (socket) => this.#join(socket));
  }

  static async to(target: string): Promise<SwitchableLine> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (typeof address !== 'object' || address === null) throw new Error('no port');
    return new SwitchableLine(server, `http://127.0.0.1:${address.port}`, target);
  }

  /** From now on it leads there; what is connected is cut. */
  pointTo(target: string): void {
    this.#target = new URL(target);
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const closed = once(this.server, 'close');
    this.server.close();
    await closed;
  }

  #join(socket: Socket): void {
    const onward = connect(Number(this.#target.port), this.#target.hostname);
    for (const [one, other] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      this.#sockets.add(one);
      one.pipe(other);
      // One end that breaks or closes takes the other with it; there is nobody to be told.
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
  }
}
