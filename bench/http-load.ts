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

/** Sends the requests over so many connections, one at a time on each, and measures what a client sees. Any other status fails the load. */
export async function runLoad(load: Load): Promise<LoadResult> {
  const latencies: number[] = [];
  let next = 0;
  let bytesReceived = 0;
  const started = performance.now();
  const lane = async (): Promise<void> => {
    const socket = await open(load);
    const reader = new AnswerReader();
    try {
      while (next < load.requests.length && performance.now() - started < load.maxSeconds * 1000) {
        const request = load.requests[next];
        next += 1;
        if (!request) break;
        const sent = performance.now();
        await exchange(socket, reader, request);
        if (reader.status !== load.expectStatus)
          throw new Error(`status ${reader.status}, expected ${load.expectStatus}`);
        latencies.push(performance.now() - sent);
      }
    } finally {
      bytesReceived += reader.bytes;
      socket.destroy();
    }
  };
  await Promise.all(Array.from({ length: load.connections }, lane));
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

function exchange(socket: Socket, reader: AnswerReader, request: PreparedRequest): Promise<void> {
  const isHead = request.head.subarray(0, 5).toString() === 'HEAD ';
  return new Promise((resolve, reject) => {
    const finish = (error?: Error): void => {
      socket.off('data', onData);
      socket.off('error', finish);
      socket.off('close', onClose);
      if (error) reject(error);
      else resolve();
    };
    const onData = (chunk: Buffer): void => {
      try {
        if (reader.take(chunk, isHead)) finish();
      } catch (error) {
        finish(error instanceof Error ? error : new Error(String(error)));
      }
    };
    const onClose = (): void => finish(new Error('the server closed the connection'));
    socket.on('data', onData);
    socket.once('error', finish);
    socket.once('close', onClose);
    if (request.body) {
      socket.cork();
      socket.write(request.head);
      socket.write(request.body);
      socket.uncork();
    } else {
      socket.write(request.head);
    }
  });
}
