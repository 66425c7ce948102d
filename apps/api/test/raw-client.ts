import { connect, type Socket } from 'node:net';

/** What came back on a connection until it was closed, or until `until` was seen. */
export interface RawAnswer {
  readonly text: string;
  readonly status: number;
  readonly closed: boolean;
}

/** One TCP connection that sends exactly what it is told to. */
export class RawClient {
  private text = '';
  private closed = false;
  private wake: () => void = () => undefined;

  private constructor(private readonly socket: Socket) {
    socket.on('data', (chunk) => {
      this.text += chunk.toString('latin1');
      this.wake();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
      this.wake();
    });
  }

  static async open(port: number): Promise<RawClient> {
    const socket = connect(port, '127.0.0.1');
    await new Promise((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new RawClient(socket);
  }

  send(text: string | Uint8Array): void {
    this.socket.write(text);
  }

  /** Ends this side; the other may still answer. */
  end(): void {
    this.socket.end();
  }

  vanish(): void {
    this.socket.resetAndDestroy();
  }

  /** Waits until the answer has what is wanted, or the connection is closed. */
  async until(wanted: RegExp): Promise<RawAnswer> {
    while (!wanted.test(this.text) && !this.closed) await new Promise<void>((resolve) => (this.wake = resolve));
    const { text, closed } = this;
    return { text, closed, status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0) };
  }

  async untilClosed(): Promise<RawAnswer> {
    return this.until(/(?!)/);
  }
}

/** The head of a request, with the given headers. */
export function head(method: string, path: string, headers: Record<string, string | number>): string {
  const lines = Object.entries({ Host: 'localhost', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}
