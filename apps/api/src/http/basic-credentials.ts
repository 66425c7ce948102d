import type { IncomingHttpHeaders } from 'node:http';
import type { Deployment } from '#libs/deployment';
import { isAdmin, type Principal } from '#libs/identity';
import type { OperationContext } from '#libs/objects';
import type { Exchange } from './exchange.js';
import { RequestError } from './request-error.js';

const SCHEME = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i;

/** The key pair of an HTTP Basic header (RFC 7617, UTF-8). `unauthenticated` if there is none, or it is of another form. */
export function basicCredentials(headers: IncomingHttpHeaders): {
  readonly accessKey: string;
  readonly secret: string;
} {
  const header = headers.authorization;
  if (header === undefined)
    throw new RequestError('unauthenticated', 'send your access key and secret key by HTTP Basic authentication');
  const pair = SCHEME.exec(header)?.[1];
  const text = pair === undefined ? '' : Buffer.from(pair, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 1)
    throw new RequestError('unauthenticated', 'expected "Authorization: Basic base64(accessKey:secretKey)"');
  return { accessKey: text.slice(0, colon), secret: text.slice(colon + 1) };
}

/** Who the request acts for. Fails with `unauthenticated`, in the same words whatever the reason. */
export async function authenticate(deployment: Deployment, exchange: Exchange): Promise<Principal> {
  const { accessKey, secret } = basicCredentials(exchange.request.headers);
  const principal = await deployment.authenticate(accessKey, secret);
  exchange.userId = principal.userId;
  return principal;
}

/** The same, before it returns, or undefined where something has to be waited for. */
export function authenticateAtOnce(deployment: Deployment, exchange: Exchange): Principal | undefined {
  const { accessKey, secret } = basicCredentials(exchange.request.headers);
  const principal = deployment.authenticateAtOnce(accessKey, secret);
  if (principal) exchange.userId = principal.userId;
  return principal;
}

/** Lets the request in if its user, and the bucket of that name if it is about one, may send one more now; else `rate-limited`. */
export function admit(deployment: Deployment, exchange: Exchange, principal: Principal, bucket?: string): void {
  const actor = { userId: principal.userId, isAdmin: isAdmin(principal) };
  if (deployment.traffic.admit(actor, bucket)) exchange.limitedActor = actor;
}

/** The first argument of every call into the domain. */
export function contextOf(exchange: Exchange, principal: Principal, signal?: AbortSignal): OperationContext {
  const actor = { userId: principal.userId, isAdmin: isAdmin(principal) };
  return { requestId: exchange.requestId, actor, ...(signal ? { signal } : {}) };
}
