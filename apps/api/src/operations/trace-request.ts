import type { Attributes, RunningSpan, Tracing } from '#libs/tracing';
import type { Exchange } from '../http/exchange.js';
import { isObjectUrl, parseObjectUrl } from '../objects/object-path.js';

/**
 * Serves a request within a span, from its head to the end of its answer, as a part of the trace that the client sent (`traceparent`). It says what was asked for and what came of it; the key of an
 * object only where the settings allow that, and never a header, a query or a credential.
 */
export function traceRequest(exchange: Exchange, tracing: Tracing, serve: () => void): void {
  const { request, response, requestId } = exchange;
  const given = request.headers['traceparent'];
  const method = request.method ?? '';
  const attributes = { 'http.request.method': method, 'spumoni.request_id': requestId };
  const parent = typeof given === 'string' ? given : undefined;
  const span = tracing.begin({ name: method, kind: 'server', attributes, ...(parent === undefined ? {} : { parent }) });
  exchange.traceId = span.traceId;
  response.once('close', () => end(exchange, span, tracing.showsKeys));
  tracing.within(span, serve);
}

function end(exchange: Exchange, span: RunningSpan, showsKeys: boolean): void {
  const { response, operation, problemCode, bucket, contentBytes } = exchange;
  const { statusCode } = response;
  span.rename(operation);
  const attributes: Record<string, string | number> = {
    'http.response.status_code': statusCode,
    'http.route': operation,
  };
  if (bucket !== undefined) attributes['spumoni.bucket'] = bucket;
  if (contentBytes !== undefined) attributes['spumoni.bytes'] = contentBytes;
  if (problemCode !== undefined) attributes['spumoni.code'] = problemCode;
  span.set({ ...attributes, ...(showsKeys ? keyOf(exchange) : {}) });
  const wasCut = !response.writableFinished;
  span.end(statusCode >= 500 ? (problemCode ?? String(statusCode)) : wasCut ? 'connection-closed' : undefined);
}

function keyOf({ request }: Exchange): Attributes {
  const url = request.url ?? '';
  if (!isObjectUrl(url)) return {};
  try {
    return { 'spumoni.key': parseObjectUrl(url).key };
  } catch {
    // What is no well-formed path was refused for it, and has no key to show.
    return {};
  }
}
