import type { Logger } from '#libs/deployment';
import { finishEarly } from './finish-early.js';
import type { Exchange } from './exchange.js';
import { problemOf, PROBLEM_TYPE, tell } from './problem.js';

/**
 * Answers any error as `application/problem+json`; 304 without a body, as RFC 9110 section 15.4.5 has it. What was not foreseen is logged with its cause.
 * An answer whose headers have gone already cannot be mended: its socket is destroyed, so that a cut body never looks like a whole one.
 */
export function answerProblem(exchange: Exchange, error: unknown, logger: Logger): void {
  const { response, requestId } = exchange;
  const answer = tell(error);
  exchange.problemCode = answer.code;
  const facts = { requestId, operation: exchange.operation, error };
  if (answer.internal) logger.error(facts, 'a request failed for a reason that was not foreseen');
  else if (answer.status >= 500) logger.warn(facts, 'a request could not be served');
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (answer.status === 304) {
    finishEarly(exchange, 304, notModifiedHeaders(answer.facts), '');
    return;
  }
  const body = JSON.stringify(problemOf(answer, requestId));
  finishEarly(exchange, answer.status, headersOf(answer, body), body);
}

function headersOf(answer: ReturnType<typeof tell>, body: string): Record<string, string | number> {
  const { status, facts, retryAfter, code } = answer;
  return {
    'Content-Type': PROBLEM_TYPE,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    // A HEAD's answer has no body to say it in.
    'X-Spumoni-Code': code,
    ...(status === 401 ? { 'WWW-Authenticate': 'Basic realm="spumoni", charset="UTF-8"' } : {}),
    ...(status === 409 && typeof facts['offset'] === 'number' ? { 'Upload-Offset': facts['offset'] } : {}),
    ...(status === 405 && typeof facts['allow'] === 'string' ? { Allow: facts['allow'] } : {}),
    ...(status === 416 && typeof facts['size'] === 'number' ? { 'Content-Range': `bytes */${facts['size']}` } : {}),
    ...(retryAfter === undefined ? {} : { 'Retry-After': retryAfter }),
  };
}

function notModifiedHeaders(facts: Readonly<Record<string, unknown>>): Record<string, string> {
  const { etag, lastModified } = facts;
  return {
    ...(typeof etag === 'string' ? { ETag: `"${etag}"` } : {}),
    ...(typeof lastModified === 'number' ? { 'Last-Modified': new Date(lastModified).toUTCString() } : {}),
  };
}
