import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** One answer that is to fall silent. */
export interface Silence {
  /** Resolves when bytes of it were held back. */
  readonly began: Promise<unknown>;
  /** Resolves when whoever asked closed the connection. */
  readonly dropped: Promise<unknown>;
}

interface Planned {
  readonly after: number;
  readonly began: PromiseWithResolvers<undefined>;
  readonly dropped: PromiseWithResolvers<undefined>;
}

/** A way to a server on which a chosen answer falls silent: after so many bytes nothing of it comes any more, and the connection stays open. */
export class SilentLine {
  readonly #sockets = new Set<Socket>();
  #planned: Planned | undefined;
  #asked = 0;

  private constructor(
    private readonly server: Server,
    readonly origin: string,
    private readonly target: URL,
    private readonly what: RegExp,
  ) {
    server.on('connection', (socket) => this.#join(socket));
  }

  /** `what` tells the requests that may be struck by the beginning of their first line. */
  static async to(target: string, what: RegExp): Promise<SilentLine> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (typeof address !== 'object' || address === null) throw new Error('no port');
    return new SilentLine(server, `http://127.0.0.1:${address.port}`, new URL(target), what);
  }

  /** How many such requests came. */
  get asked(): number {
    return this.#asked;
  }

  /** The answer to the next of them falls silent after so many bytes. */
  hush(after: number): Silence {
    const planned = { after, began: Promise.withResolvers<undefined>(), dropped: Promise.withResolvers<undefined>() };
    this.#planned = planned;
    return { began: planned.began.promise, dropped: planned.dropped.promise };
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const closed = once(this.server, 'close');
    this.server.close();
    await closed;
  }

  #join(asking: Socket): void {
    const answering = connect(Number(this.target.port), this.target.hostname);
    let struck: Planned | undefined;
    let left = 0;
    asking.on('data', (bytes: Buffer) => {
      answering.write(bytes);
      if (!this.what.test(bytes.toString('latin1'))) return;
      this.#asked += 1;
      struck = this.#planned;
      left = struck?.after ?? 0;
      this.#planned = undefined;
    });
    answering.on('data', (bytes: Buffer) => {
      if (struck && left < bytes.length) struck.began.resolve(undefined);
      asking.write(struck ? bytes.subarray(0, left) : bytes);
      left = Math.max(0, left - bytes.length);
    });
    asking.on('close', () => struck?.dropped.resolve(undefined));
    for (const [one, other] of [
      [asking, answering],
      [answering, asking],
    ] as const) {
      this.#sockets.add(one);
      // One end that breaks or closes takes the other with it; there is nobody to be told.
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
  }
}
