import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Actor } from '#libs/objects';

/** One request and its answer, from the first byte to the last, whichever router serves it. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  /** Milliseconds of a clock that never goes back. */
  readonly startedAt: number;
  /** What the request turned out to be, for metrics and logs: an operation's name or a route. */
  operation: string;
  /** The client waits for `100 Continue` before it sends the body; false once it was told to go on. */
  awaitsContinue: boolean;
  /** The id of the operation that a guard was asked to let in. */
  action?: string;
  /** Code of the problem that it was answered with. */
  problemCode?: string;
  /** The JSON body, once it was read and found right. */
  input?: unknown;
  /** The bucket whose object it is about, and how much content was taken or given; for the counts of usage. */
  bucket?: string;
  contentBytes?: number;
  /** Whose rates it counts against, where there are any. */
  limitedActor?: Actor;
  /** The access key that its link names, be it genuine or not; empty where it names none. */
  linkKey?: string;
  /** The user it acts for, once authenticated. */
  userId?: string;
  /** The one that came before it on its connection, while it waits for that to be answered. */
  before?: Exchange;
  /** Its trace, where traces are on. */
  traceId?: string;
}

/** A client that falls silent for this long while it sends, or while it is sent to, is taken to be gone. */
export const SILENCE_MS = 120_000;

const EXCHANGES = new WeakMap<IncomingMessage, Exchange>();
const LATEST = new WeakMap<Socket, Exchange>();
const BROKEN = new WeakSet<Socket>();
const SANE_REQUEST_ID = /^[\w.:/=+-]{1,128}$/;

/** Begins an exchange. A sane `X-Request-Id` of the client is kept, so that its logs and ours meet; else one is made. */
export function beginExchange(request: IncomingMessage, response: ServerResponse, awaitsContinue: boolean): Exchange {
  const given = request.headers['x-request-id'];
  const requestId = typeof given === 'string' && SANE_REQUEST_ID.test(given) ? given : randomUUID();
  const exchange: Exchange = {
    request,
    response,
    requestId,
    startedAt: performance.now(),
    operation: 'unknown',
    awaitsContinue,
  };
  LATEST.set(request.socket, exchange);
  return exchange;
}

/** The headers of every answer, a name and its value by turns. */
export function commonHeaders({ requestId }: Exchange): string[] {
  return ['X-Request-Id', requestId, 'X-Content-Type-Options', 'nosniff'];
}

/** Gives the answer to come its common headers, whoever writes it. */
export function setCommonHeaders({ requestId, response }: Exchange): void {
  response.setHeader('X-Request-Id', requestId);
  response.setHeader('X-Content-Type-Options', 'nosniff');
}

/** Lets `exchangeOf` find it: for those who are given the request alone. */
export function enrol(exchange: Exchange): void {
  EXCHANGES.set(exchange.request, exchange);
}

/** The exchange of a request that came through this server. */
export function exchangeOf(request: IncomingMessage): Exchange {
  const exchange = EXCHANGES.get(request);
  if (!exchange) throw new Error('a request came in beside the server that begins exchanges, or was not enrolled');
  return exchange;
}

/** Tells a client that waits for it to send its body. Called when every check that needs no body has passed. */
export function continueBody(exchange: Exchange): void {
  if (!exchange.awaitsContinue) return;
  exchange.awaitsContinue = false;
  exchange.response.writeContinue();
}

/** The exchange of the last request that came on this connection, unless that has been answered to the end. */
export function latestOn(socket: Socket): Exchange | undefined {
  const latest = LATEST.get(socket);
  return latest?.response.closed === false ? latest : undefined;
}

/** Those of this connection that are not answered to the end, the last first; the one that is being served comes at the end, and the others wait. */
export function* openOn(socket: Socket): Generator<Exchange> {
  for (let exchange = latestOn(socket); exchange; exchange = exchange.before) yield exchange;
}

/** Notes that what came on this connection after a request is no HTTP. */
export function markBroken(socket: Socket): void {
  BROKEN.add(socket);
}

/** True if something that is no HTTP followed the request: its body was longer than announced. */
export function isFollowedByNonsense(request: IncomingMessage): boolean {
  return BROKEN.has(request.socket);
}
