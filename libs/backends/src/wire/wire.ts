import { Pool } from 'undici';
import type { Dispatcher } from 'undici';
import { BackendError } from '../errors.js';
import type { Call } from '../object-backend.js';
import { ExactBody } from './exact-body.js';
import { Exchange } from './exchange.js';
import type { WireAnswer } from './exchange.js';
import { connectorOf, DIRECT } from './line.js';
import type { Line } from './line.js';
import { isLinkLocal } from './link-local.js';

export type { WireAnswer } from './exchange.js';

export interface WireOptions {
  /** The backend's registered name, for messages. */
  readonly backend: string;
  /** Scheme, host and port. */
  readonly origin: string;
  /** Connections at most; requests beyond it wait, and their wait counts as silence. Default 64. */
  readonly connections?: number;
  /** Silence of the vendor that fails a call which brings no deadline. Default 60 seconds. */
  readonly silenceMs?: number;
  readonly connectTimeoutMs?: number;
  /** The authorities that are trusted, and the proxy between. Default: the public ones, none. */
  readonly line?: Line;
}

export interface WireRequest {
  readonly method: string;
  /** Path and query exactly as they go on the line, already encoded. */
  readonly path: string;
  /** Names and values in turn, or a record. No content-length: it follows from the body. */
  readonly headers: readonly string[] | Readonly<Record<string, string>>;
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
  /** The exact length of `body` in bytes. An iterable without it goes out chunked, which few vendors take. */
  readonly contentLength?: number;
}

/**
 * One vendor's HTTP connections. Sends requests as they are given, follows no redirect, retries nothing.
 * `send` resolves with any status; it fails with a `BackendError`: `unavailable` (no usable answer), `timeout` (silent for `call.deadlineMs`, or
 * given up by the caller, whose reason is the cause), or `invalid` (a body of another length than announced; the vendor then got no complete
 * request). Where the upload's own source threw, `sourceFailureOf` tells, and the kind is its own if it was a `BackendError`, else `invalid`.
 */
export interface Wire {
  send(request: WireRequest, call: Call): Promise<WireAnswer>;
  /** Ends all connections; calls under way fail with `unavailable`. */
  close(): Promise<void>;
}

/** Opens nothing yet. Fails with `invalid` for the address of a metadata service, which no backend has. */
export function createWire(options: WireOptions): Wire {
  const { backend, line = DIRECT } = options;
  if (line.linkLocal !== true && isLinkLocal(new URL(options.origin).hostname))
    throw new BackendError('invalid', `backend ${backend} cannot be at the address of a metadata service`, { backend });
  const connector = connectorOf(line, options.connectTimeoutMs ?? 10_000);
  const pool = new Pool(options.origin, {
    connections: options.connections ?? 64,
    pipelining: 1,
    allowH2: false,
    // One clock of our own watches the vendor's silence, see Exchange.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: connector.connect,
  });
  return {
    send: async (request, call) => {
      const upload = uploadOf(backend, request);
      const silenceMs = call.deadlineMs ?? options.silenceMs ?? 60_000;
      const exchange = new Exchange({
        backend,
        call,
        silenceMs,
        upload: upload instanceof ExactBody ? upload : undefined,
      });
      if (!exchange.finished) pool.dispatch(dispatchOptions(request, upload), exchange);
      return await exchange.answer;
    },
    close: async () => {
      await pool.destroy(new BackendError('unavailable', `backend ${backend} was closed`, { backend }));
      await connector.close();
    },
  };
}

type Upload = Uint8Array | ExactBody | null;

function uploadOf(backend: string, { body, contentLength }: WireRequest): Upload {
  if (body === undefined) return null;
  if (!(body instanceof Uint8Array)) return new ExactBody(backend, body, contentLength);
  if (contentLength !== undefined && contentLength !== body.byteLength)
    throw new BackendError('invalid', `the body has ${body.byteLength} bytes, announced were ${contentLength}`, {
      backend,
    });
  return body;
}

function dispatchOptions(request: WireRequest, upload: Upload): Dispatcher.DispatchOptions {
  const given = request.headers;
  const headers: string[] = Symbol.iterator in given ? Array.from(given) : Object.entries(given).flat();
  if (upload instanceof ExactBody && request.contentLength !== undefined)
    headers.push('content-length', String(request.contentLength));
  const options: Dispatcher.DispatchOptions = {
    method: request.method,
    path: request.path,
    headers,
    // Without it undici closes the connection after every HEAD.
    reset: false,
  };
  // undici takes any async iterable as a body; its types name only Node's own streams.
  return Object.assign(options, { body: upload });
}
