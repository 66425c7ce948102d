import { connect, type Socket } from 'node:net';
import { ChunkedEnd } from './chunked-end.js';

/** One request, ready to be written: the client does nothing but write it and look for the end of the answer. */
export interface PreparedRequest {
  readonly head: Buffer;
  readonly body?: Buffer;
}

export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  readonly bytesReceived: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface Load {
  readonly host: string;
  readonly port: number;
  readonly connections: number;
  /** The load ends when each of these has been answered, or after this time. */
  readonly requests: readonly PreparedRequest[];
  readonly maxSeconds: number;
  readonly expectStatus: number;
}

const END_OF_HEAD = Buffer.from('\r\n\r\n');

/** Reads answers off one keep-alive connection: status and length from the head, the body counted and thrown away. */
class AnswerReader {
  #head: Buffer = Buffer.alloc(0);
  #left = -1;
  #chunked: ChunkedEnd | undefined;
  status = 0;
  bytes = 0;

  /** True when the answer has ended. */
  take(chunk: Buffer, isHead: boolean): boolean {
    this.bytes += chunk.length;
    if (this.#chunked) return this.#follow(this.#chunked, chunk);
    if (this.#left >= 0) return this.#count(chunk.length);
    this.#head = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk]);
    const end = this.#head.indexOf(END_OF_HEAD);
    if (end < 0) return false;
    const text = this.#head.toString('latin1', 0, end);
    this.status = Number(text.slice(9, 12));
    const length = /\r\ncontent-length: *(\d+)/i.exec(text);
    if (!length && !isHead && /\r\ntransfer-encoding: *chunked/i.test(text)) {
      this.#chunked = new ChunkedEnd();
      return this.#follow(this.#chunked, this.#head.subarray(end + 4));
    }
    if (!length && !isHead) throw new Error(`an answer without a length: ${text}`);
    this.#left = isHead ? 0 : Number(length?.[1] ?? 0);
    return this.#count(this.#head.length - end - 4);
  }

  #follow(chunked: ChunkedEnd, bytes: Buffer): boolean {
    if (!chunked.take(bytes)) return false;
    this.#chunked = undefined;
    this.#head = Buffer.alloc(0);
    return true;
  }

  #count(length: number): boolean {
    this.#left -= length;
    if (this.#left > 0) return false;
    this.#left = -1;
    this.#head = Buffer.alloc(0);
    return true;
  }
}

/** What the connections of one load share. */
class Progress {
  readonly latencies: number[] = [];
  readonly started = performance.now();
  bytesReceived = 0;
  private next = 0;

  constructor(private readonly load: Load) {}

  /** The next request; undefined at the end, of the requests or of the time. */
  take(): PreparedRequest | undefined {
    const { requests, maxSeconds } = this.load;
    if (performance.now() - this.started >= maxSeconds * 1000) return undefined;
    this.next += 1;
    return requests[this.next - 1];
  }
}

/** One connection: sends a request as soon as the one before is answered. No promise and no listener a request, so that as little as can be of the machine goes to the client. */
class Lane {
  private readonly reader = new AnswerReader();
  private sent = 0;
  private isHead = false;

  constructor(
    private readonly load: Load,
    private readonly progress: Progress,
    private readonly socket: Socket,
  ) {}

  /** Resolves at the end of the load; rejects if the connection fails or an answer has another status. */
  async run(): Promise<void> {
    const { socket, progress, reader } = this;
    try {
      await new Promise<void>((resolve, reject) => {
        socket.on('error', reject);
        socket.on('close', () => reject(new Error('the server closed the connection')));
        socket.on('data', (chunk: Buffer) => {
          try {
            if (reader.take(chunk, this.isHead) && !this.goOn()) resolve();
          } catch (error) {
            reject(error instanceof Error ? error : new Error(String(error)));
          }
        });
        if (!this.send()) resolve();
      });
    } finally {
      progress.bytesReceived += reader.bytes;
      socket.destroy();
    }
  }

  /** Notes the answer and sends the next request; false if there is none. */
  private goOn(): boolean {
    const { status } = this.reader;
    const { expectStatus } = this.load;
    if (status !== expectStatus) throw new Error(`status ${status}, expected ${expectStatus}`);
    this.progress.latencies.push(performance.now() - this.sent);
    return this.send();
  }

  private send(): boolean {
    const request = this.progress.take();
    if (!request) return false;
    const { socket } = this;
    // "HEAD" begins with an H, and no other method does.
    this.isHead = request.head[0] === 0x48;
    this.sent = performance.now();
    if (!request.body) {
      socket.write(request.head);
      return true;
    }
    socket.cork();
    socket.write(request.head);
    socket.write(request.body);
    socket.uncork();
    return true;
  }
}

/** Sends the requests over so many connections, one at a time on each, and measures what a client sees. Any other status fails the load. */
export async function runLoad(load: Load): Promise<LoadResult> {
  const sockets = await Promise.all(Array.from({ length: load.connections }, () => open(load)));
  const progress = new Progress(load);
  await Promise.all(sockets.map((socket) => new Lane(load, progress, socket).run()));
  const { latencies, started, bytesReceived } = progress;
  const seconds = (performance.now() - started) / 1000;
  latencies.sort((a, b) => a - b);
  const at = (share: number): number =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? Number.NaN;
  return { requests: latencies.length, seconds, bytesReceived, p50Ms: at(0.5), p99Ms: at(0.99) };
}

function open(load: Load): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: load.host, port: load.port, noDelay: true });
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
  });
}
