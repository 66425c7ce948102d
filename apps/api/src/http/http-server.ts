import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { problemOf, PROBLEM_TYPE, tell } from './problem.js';
import { RequestError } from './request-error.js';
import { ObjectsError } from '#libs/objects';
import { beginExchange, latestOn, markBroken, openOn, type Exchange } from './exchange.js';

const HEADERS_TIMEOUT_MS = 60_000;
const KEEP_ALIVE_MS = 65_000;
/** Room for a key of 1,024 bytes percent-encoded in the URL and the metadata of any vendor. */
const MAX_HEADER_BYTES = 32 * 1024;
/** So many requests of one connection may wait for the one that is being served. */
const MOST_WAITING = 100;

/**
 * The one HTTP server of the process. Begins an exchange for each request and hands it over; a client that sends `Expect: 100-continue` is left waiting until somebody calls `continueBody`.
 * There is no limit to how long a request may take, as objects may be large; whoever waits for a client sets the socket's own limit of silence.
 */
export function createHttpServer(serve: (exchange: Exchange) => void): Server {
  const server = createServer({
    headersTimeout: HEADERS_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestTimeout: 0,
    maxHeaderSize: MAX_HEADER_BYTES,
    noDelay: true,
  });
  // Node would leave out what comes after the 2,000th, a condition perhaps; their size is bounded already.
  server.maxHeadersCount = 0;
  const begin = (request: IncomingMessage, response: ServerResponse, awaitsContinue: boolean): void => {
    const before = latestOn(request.socket);
    const exchange = beginExchange(request, response, awaitsContinue);
    if (before) serveAfter(before, exchange, serve);
    else serve(exchange);
  };
  server.on('request', (request: IncomingMessage, response: ServerResponse) => begin(request, response, false));
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => begin(request, response, true));
  server.on('clientError', answerMalformed);
  return server;
}

/**
 * Node hands over a request that was sent before the one ahead of it on its connection is answered. Served side by side, the first of two uploads could end as the last: so each waits
 * for the whole answer before it (RFC 9112 section 9.3.2), and is dropped with its connection.
 */
function serveAfter(before: Exchange, exchange: Exchange, serve: (exchange: Exchange) => void): void {
  const { socket } = exchange.request;
  exchange.before = before;
  if ([...openOn(socket)].length > MOST_WAITING + 1) {
    socket.destroy();
    return;
  }
  before.response.once('close', () => {
    delete exchange.before;
    // Not after an answer that was the connection's last (RFC 9112 section 9.6): what is done then is told nobody.
    if (socket.writable) serve(exchange);
  });
}

/** Answers what is no HTTP, or stops being it in the middle of a body, and closes the connection. What was asked for before it in full is answered first. */
function answerMalformed(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  markBroken(socket);
  const served = [...openOn(socket)].at(-1);
  if (served && isWhole(served)) {
    // Its work is done whatever follows it. Those that wait behind it go with the connection.
    served.response.shouldKeepAlive = false;
    return;
  }
  if (served?.response.headersSent) socket.destroy();
  else refuse(error, socket, served);
}

/** True if all of the request was there, and taken, and it is yet to be answered. */
function isWhole({ request, response }: Exchange): boolean {
  return request.complete && request.readableLength === 0 && !response.headersSent;
}

function refuse(error: Error & { code?: string }, socket: Socket, served: Exchange | undefined): void {
  const answer = tell(meaningOf(error, served !== undefined));
  const body = JSON.stringify(problemOf(answer, served?.requestId ?? 'none'));
  socket.end(
    `HTTP/1.1 ${answer.status} ${answer.status === 431 ? 'Request Header Fields Too Large' : 'Bad Request'}\r\n` +
      `Content-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

function meaningOf(error: { code?: string }, isAfterRequest: boolean): Error {
  if (error.code === 'HPE_HEADER_OVERFLOW')
    return new RequestError('header-too-large', `the request's headers are larger than ${MAX_HEADER_BYTES} bytes`);
  if (error.code === 'HPE_INVALID_EOF_STATE')
    return new ObjectsError('incomplete-body', 'the request ended before its announced end; nothing was stored');
  if (isAfterRequest)
    return new ObjectsError('body-too-long', 'the body is longer than its Content-Length; nothing was stored');
  return new RequestError('malformed-request', 'this is not a well-formed HTTP/1.1 request');
}
