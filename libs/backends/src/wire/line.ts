import { createSecureContext, getCACertificates } from 'node:tls';
import type { SecureContext } from 'node:tls';
import { buildConnector, Pool } from 'undici';
import type { Revealable } from '../definition.js';
import { guardedLookup } from './link-local.js';

/** How a backend's servers are reached, whichever of its origins is meant: by whom they are vouched for, and through which proxy. */
export interface Line {
  /** Certificates in PEM that are trusted beside the public roots. */
  readonly ca?: string;
  readonly proxy?: Proxy;
  /** Addresses of this very machine's metadata services may be connected to: for identities alone, never for bytes. */
  readonly linkLocal?: boolean;
}

export interface Proxy {
  /** `http:` or `https:`, scheme, host and port. */
  readonly url: URL;
  readonly user?: string;
  readonly password?: Revealable;
}

/** Straight to the server, which the public roots vouch for. */
export const DIRECT: Line = {};

/** How a pool opens its connections; `close` ends what stands between. */
export interface Connector {
  readonly connect: buildConnector.BuildOptions | buildConnector.connector;
  close(): Promise<void>;
}

/** The proxy answered, or failed, before a connection to the backend stood. The message names no credential. */
export class ProxyFailure extends Error {
  override readonly name = 'ProxyFailure';
}

/** To read the public roots costs some 25 ms of CPU: once for each CA, not once a connection. */
const contexts = new Map<string, SecureContext>();
const CONTEXTS_KEPT = 64;

function contextOf(ca: string): SecureContext {
  const known = contexts.get(ca);
  if (known) return known;
  if (contexts.size >= CONTEXTS_KEPT) contexts.clear();
  const made = createSecureContext({ ca: [...getCACertificates('default'), ca] });
  contexts.set(ca, made);
  return made;
}

/** What opens connections over this line. Through a proxy every connection is a tunnel (CONNECT, RFC 9110 section 9.3.6), of plain http too: the proxy sees host and port alone. */
export function connectorOf(line: Line, timeoutMs: number): Connector {
  const base: buildConnector.BuildOptions = {
    timeout: timeoutMs,
    ...(line.ca === undefined ? {} : { secureContext: contextOf(line.ca) }),
    ...(line.linkLocal === true ? {} : { lookup: guardedLookup }),
  };
  if (line.proxy === undefined) return { connect: base, close: () => Promise.resolve() };
  const { proxy } = line;
  const upgrade = buildConnector({ ...base, allowH2: false });
  const tunnels = new Pool(proxy.url.origin, {
    connect: { ...base, allowH2: false },
    pipelining: 1,
    headersTimeout: timeoutMs,
  });
  const connect: buildConnector.connector = (options, callback) => {
    openTunnel(tunnels, proxy, options).then(
      (socket) =>
        options.protocol === 'https:' ? upgrade({ ...options, httpSocket: socket }, callback) : callback(null, socket),
      (error: unknown) => callback(asProxyFailure(error), null),
    );
  };
  return { connect, close: () => tunnels.destroy() };
}

type TunnelSocket = NonNullable<buildConnector.Options['httpSocket']>;

async function openTunnel(tunnels: Pool, proxy: Proxy, to: buildConnector.Options): Promise<TunnelSocket> {
  const port = to.port || (to.protocol === 'https:' ? '443' : '80');
  const authority = `${to.hostname.includes(':') ? `[${to.hostname}]` : to.hostname}:${port}`;
  const { statusCode, socket } = await tunnels.connect({
    path: authority,
    headers: { host: authority, ...authorizationOf(proxy) },
  });
  if (statusCode === 200 && isSocket(socket)) return socket;
  socket.on('error', () => undefined).destroy();
  const why =
    statusCode === 407 ? 'wants other credentials (407)' : `refused to connect to ${authority} (${statusCode})`;
  throw new ProxyFailure(`the proxy ${why}`);
}

/** undici's types promise a stream alone; what it hands over is the connection. */
function isSocket(stream: object): stream is TunnelSocket {
  return 'remoteAddress' in stream;
}

function authorizationOf({ user, password }: Proxy): Record<string, string> {
  if (user === undefined) return {};
  const pair = Buffer.from(`${user}:${password?.reveal() ?? ''}`).toString('base64');
  return { 'proxy-authorization': `Basic ${pair}` };
}

/** Under another name than undici's own, which would make it try again for ever. */
function asProxyFailure(cause: unknown): ProxyFailure {
  if (cause instanceof ProxyFailure) return cause;
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? ` (${String(cause.code)})` : '';
  return new ProxyFailure(`the proxy could not be reached${code}`, { cause });
}
