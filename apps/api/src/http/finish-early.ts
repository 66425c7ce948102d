import type { IncomingMessage, OutgoingHttpHeader } from 'node:http';
import { commonHeaders, type Exchange } from './exchange.js';

/** What is left of a body is read to its end up to this size, so that the connection can be kept. */
const DRAINABLE_BYTES = 1024 * 1024;
/** How much, and how long, a larger rest is thrown away for: time for the client to see the answer and stop. */
const LINGER_BYTES = 32 * 1024 * 1024;
const LINGER_MS = 2_000;

type Headers = Readonly<Record<string, string | number>>;

/**
 * Answers a request whose body may not have been read. A small rest is drained and the connection kept. With a large or unknown rest the answer is sent with `Connection: close` and the rest
 * is thrown away for a moment: closing at once would make the system reset the connection, and the client might never see the answer.
 */
export function finishEarly(exchange: Exchange, status: number, headers: Headers, body: string): void {
  const { request, response } = exchange;
  const hasBody = request.method !== 'HEAD' && status !== 304 && body !== '';
  if (restIsSmall(exchange)) {
    response.writeHead(status, allHeaders(exchange, headers));
    response.end(hasBody ? body : undefined);
    return;
  }
  response.writeHead(status, allHeaders(exchange, { ...headers, Connection: 'close' }));
  if (!hasBody || exchange.awaitsContinue) {
    response.end(hasBody ? body : undefined);
    return;
  }
  response.write(body);
  throwAway(request, () => response.end());
}

/** A name and its value by turns, which Node writes fastest; with the headers of every answer, unless those are set already. */
function allHeaders(exchange: Exchange, headers: Headers): OutgoingHttpHeader[] {
  const all: OutgoingHttpHeader[] = exchange.response.hasHeader('X-Request-Id') ? [] : commonHeaders(exchange);
  for (const name in headers) all.push(name, headers[name] ?? '');
  return all;
}

function restIsSmall({ request, awaitsContinue }: Exchange): boolean {
  if (request.complete) return true;
  if (awaitsContinue) return false;
  const length = request.headers['content-length'];
  if (length === undefined) return request.headers['transfer-encoding'] === undefined;
  return Number(length) <= DRAINABLE_BYTES;
}

function throwAway(request: IncomingMessage, done: () => void): void {
  let left = LINGER_BYTES;
  const timer = setTimeout(finish, LINGER_MS);
  const onData = (chunk: Uint8Array): void => {
    left -= chunk.byteLength;
    if (left <= 0) finish();
  };
  function finish(): void {
    clearTimeout(timer);
    request.off('data', onData);
    request.off('close', finish);
    request.off('end', finish);
    request.pause();
    done();
  }
  request.on('data', onData);
  request.once('end', finish);
  request.once('close', finish);
  request.resume();
}
