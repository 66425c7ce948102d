import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Shutdown } from '../operations/shutdown.js';
import type { Exchange } from './exchange.js';
import { RequestError } from './request-error.js';

/** A comment is sent so often while nothing changes, so that proxies keep the connection. */
const HEARTBEAT_MS = 15_000;
/** How often it is asked whether the client may still hear of it. */
const RIGHTS_MS = 1_000;
/** How many streams a process keeps open at once: each asks the control plane twice a second. */
export const MOST_STREAMS = 256;
let openStreams = 0;

/** The framework's answer, which can be taken out of its hands. */
interface Reply {
  hijack(): { readonly raw: ServerResponse };
}

/** What to stream: each value becomes one event of this name. */
export interface EventSource<T> {
  readonly name: string | ((value: T) => string);
  /** What a client gives back as `Last-Event-ID` when it comes again. */
  readonly id?: (value: T) => string | undefined;
  /** What of a value is sent; all of it if absent. */
  readonly data?: (value: T) => unknown;
  open(signal: AbortSignal): AsyncIterable<T>;
  /** Asked each second: rejects once the client may hear no more of it, or nobody can say. The stream ends then, and who comes again is told why. */
  allowed(): Promise<unknown>;
}

/**
 * Streams values as server-sent events (WHATWG HTML, section 9.2), as fast as the client reads, until they end, the client goes or loses the right to them, or the process is to stop; `end` is the last event where they
 * ended by themselves.
 * A failure before the first value is an ordinary problem, also `overloaded` where as many are open as one process bears; after it, the stream is cut, and clients of the standard come again by themselves.
 */
export async function streamEvents<T>(
  exchange: Exchange,
  reply: Reply,
  shutdown: Pick<Shutdown, 'signal'>,
  source: EventSource<T>,
): Promise<void> {
  const { response } = exchange;
  if (openStreams >= MOST_STREAMS)
    throw new RequestError('overloaded', `${MOST_STREAMS} streams of events are open in this process; come again`);
  openStreams += 1;
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const signal = AbortSignal.any([gone.signal, shutdown.signal]);
  const rights = setInterval(() => void source.allowed().catch(() => gone.abort()), RIGHTS_MS);
  let heartbeat: NodeJS.Timeout | undefined;
  try {
    for await (const value of source.open(signal)) {
      heartbeat ??= begin(reply);
      if (signal.aborted) break;
      if (response.write(eventText(source, value))) continue;
      // Ends by the client's going too, or its rights'.
      await once(response, 'drain', { signal }).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
    heartbeat ??= begin(reply);
    response.end(signal.aborted ? '' : 'event: end\ndata: {}\n\n');
  } finally {
    openStreams -= 1;
    clearInterval(rights);
    clearInterval(heartbeat);
  }
}

function eventText<T>({ name, id, data }: EventSource<T>, value: T): string {
  const own = id?.(value);
  const head = own === undefined ? '' : `id: ${own}\n`;
  const event = typeof name === 'string' ? name : name(value);
  return `${head}event: ${event}\ndata: ${JSON.stringify(data ? data(value) : value)}\n\n`;
}

function begin(reply: Reply): NodeJS.Timeout {
  const response = reply.hijack().raw;
  response.writeHead(200, {
    'Content-Type': 'text/event-stream; charset=utf-8',
    'Cache-Control': 'no-store',
    'X-Accel-Buffering': 'no',
  });
  return setInterval(() => response.write(': still here\n\n'), HEARTBEAT_MS);
}
