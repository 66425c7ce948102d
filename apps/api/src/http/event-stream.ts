import type { FastifyReply } from 'fastify';
import type { Shutdown } from '../operations/shutdown.js';
import type { Exchange } from './exchange.js';

/** A comment is sent so often while nothing changes, so that proxies keep the connection. */
const HEARTBEAT_MS = 15_000;

/** What to stream: each value becomes one event of this name. */
export interface EventSource<T> {
  readonly name: string;
  open(signal: AbortSignal): AsyncIterable<T>;
}

/**
 * Streams values as server-sent events (WHATWG HTML, section 9.2) until they end, the client goes, or the process is to stop; `end` is the last event where they ended by themselves.
 * A failure before the first value is an ordinary problem; after it, the stream is cut, and clients of the standard come again by themselves.
 */
export async function streamEvents<T>(
  exchange: Exchange,
  reply: FastifyReply,
  shutdown: Shutdown,
  source: EventSource<T>,
): Promise<void> {
  const { response } = exchange;
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const signal = AbortSignal.any([gone.signal, shutdown.signal]);
  let heartbeat: NodeJS.Timeout | undefined;
  try {
    for await (const value of source.open(signal)) {
      heartbeat ??= begin(reply);
      response.write(`event: ${source.name}\ndata: ${JSON.stringify(value)}\n\n`);
    }
    heartbeat ??= begin(reply);
    response.end(signal.aborted ? '' : 'event: end\ndata: {}\n\n');
  } finally {
    clearInterval(heartbeat);
  }
}

function begin(reply: FastifyReply): NodeJS.Timeout {
  const response = reply.hijack().raw;
  response.writeHead(200, {
    'Content-Type': 'text/event-stream; charset=utf-8',
    'Cache-Control': 'no-store',
    'X-Accel-Buffering': 'no',
  });
  return setInterval(() => response.write(': still here\n\n'), HEARTBEAT_MS);
}
