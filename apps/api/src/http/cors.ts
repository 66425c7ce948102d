import type { Logger } from '#libs/deployment';
import { answerProblem } from './answer-problem.js';
import type { Exchange } from './exchange.js';
import { RequestError } from './request-error.js';

const METHODS = 'GET, HEAD, PUT, POST, PATCH, DELETE';
const MAX_AGE_SECONDS = '600';

/**
 * Lets pages of the origins in the settings call the APIs (Fetch standard, CORS protocol). Answers preflight requests itself: true means that the exchange has ended.
 * Credentials travel in the `Authorization` header alone, never in cookies, so they need no allowance of their own.
 */
export function handleCors(exchange: Exchange, origins: readonly string[]): boolean {
  const { request, response } = exchange;
  const { origin } = request.headers;
  if (origin === undefined) return false;
  const isAllowed = origins.includes(origin);
  if (origins.length > 0) response.setHeader('Vary', 'Origin');
  if (isAllowed) {
    response.setHeader('Access-Control-Allow-Origin', origin);
    response.setHeader('Access-Control-Expose-Headers', '*');
  }
  const isPreflight = request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined;
  if (!isPreflight) return false;
  if (isAllowed) {
    response.setHeader('Access-Control-Allow-Methods', METHODS);
    const wanted = request.headers['access-control-request-headers'];
    if (wanted !== undefined) response.setHeader('Access-Control-Allow-Headers', wanted);
    response.setHeader('Access-Control-Max-Age', MAX_AGE_SECONDS);
  }
  exchange.operation = 'preflight';
  response.writeHead(204);
  response.end();
  return true;
}

/**
 * Refuses changes that a page of some other origin makes a browser send: it may have the user's key pair from an earlier dialog, and send it unasked. True means that the exchange has ended.
 * Programs send no `Origin`; our own pages, and those of the origins in the settings, are welcome.
 */
export function refuseForeign(exchange: Exchange, origins: readonly string[], logger: Logger): boolean {
  const { method, headers } = exchange.request;
  const { origin } = headers;
  if (origin === undefined || method === 'GET' || method === 'HEAD' || origins.includes(origin)) return false;
  if (URL.canParse(origin) && new URL(origin).host === headers.host) return false;
  const refusal = new RequestError(
    'access-denied',
    `pages of ${JSON.stringify(origin.slice(0, 200))} may not change anything here; SPUMONI_CORS_ORIGINS lists those that may`,
  );
  answerProblem(exchange, refusal, logger);
  return true;
}
