import type { IncomingHttpHeaders } from 'node:http';
import type { Deployment } from '#libs/deployment';
import { parseLink, type ParsedLink, type Principal } from '#libs/identity';
import type { Exchange } from '../http/exchange.js';
import { RequestError } from '../http/request-error.js';
import type { ObjectPath } from './object-path.js';
import { STANDARD_HEADERS } from './request-attributes.js';

/** The query parameter that carries a link. */
export const LINK_PARAMETER = 'link';

/** True for a URL that brings a link; `?link` without a value is the wish to make one. */
export function bringsLink(url: string): boolean {
  const question = url.indexOf('?');
  return question !== -1 && /[?&]link=[^&]/.test(url.slice(question));
}

/**
 * Who a request with a link acts for: the link's maker, whose rights, limits and quotas hold at this moment. Fails with `invalid-link` (altered, for another place, or its key is gone or rotated, which
 * of them is not said), `link-revoked`, `link-expired`, or `link-refused` where it is used for more than it names.
 */
export async function authenticateLink(
  deployment: Deployment,
  exchange: Exchange,
  { bucket, key, query }: ObjectPath,
): Promise<Principal> {
  const { headers, method = '' } = exchange.request;
  if (headers.authorization !== undefined)
    throw new RequestError('link-refused', 'send a link or credentials, not both');
  const link = parseLink(query.get(LINK_PARAMETER) ?? '');
  exchange.linkKey = link?.accessKeyId ?? '';
  const document = link && (await deployment.engine.index.findBucket(bucket));
  const place = document && { bucketId: document.value.id, key };
  const maker = place && (await deployment.makerOfLink(link, place));
  if (!maker) throw new RequestError('invalid-link', 'the link is not genuine, or its access key or bucket is no more');
  exchange.userId = maker.principal.userId;
  if (!maker.isEnabled) throw new RequestError('link-revoked', 'the access key of the link, or its user, is disabled');
  assertInTime(link, { now: deployment.engine.clock.now() / 1000, longest: deployment.settings.linkSeconds });
  if (method !== link.method) throw new RequestError('link-refused', `the link is for ${link.method} alone`);
  assertNothingElse(query, headers);
  if (link.method === 'PUT') assertUpload(link, headers);
  return maker.principal;
}

function assertInTime({ expires }: ParsedLink, { now, longest }: { now: number; longest: number }): void {
  const facts = { expires: new Date(expires * 1000).toISOString() };
  if (now >= expires) throw new RequestError('link-expired', 'the time of the link is over', { facts });
  if (expires - now <= longest) return;
  throw new RequestError('link-refused', `links are good for ${longest} seconds at most here`, { facts });
}

/** A checksum of the body gives no right away; everything else that S3 clients send in such headers would. */
const HARMLESS = /^x-amz-(checksum-\w+|content-sha256|date)$/;

function assertNothingElse(query: ReadonlyMap<string, string>, headers: IncomingHttpHeaders): void {
  for (const name of query.keys())
    if (name !== LINK_PARAMETER)
      throw new RequestError('link-refused', `the link does not name the query parameter "${name}"`);
  for (const name in headers)
    if (name.startsWith('x-amz-') && !HARMLESS.test(name))
      throw new RequestError('link-refused', `the link does not name the header ${name}`);
}

/** What browsers say of their own accord to the caches on the way; it is not about the object. */
const TO_CACHES = new Set(['no-cache', 'no-store', 'max-age=0']);

/** What an upload by link may bring beside its bytes is a content type, unless the link names another. */
function assertUpload({ contentType, maxBytes }: ParsedLink, headers: IncomingHttpHeaders): void {
  if (TO_CACHES.has(headers['cache-control'] ?? '')) Reflect.deleteProperty(headers, 'cache-control');
  for (const name of Object.values(STANDARD_HEADERS))
    if (name !== 'content-type' && headers[name] !== undefined)
      throw new RequestError('link-refused', `the link does not name the header ${name}`);
  if (contentType !== undefined && headers['content-type'] !== contentType)
    throw new RequestError('link-refused', `the link is for the content type "${contentType}" alone`);
  if (maxBytes === undefined) return;
  if (headers['transfer-encoding'] !== undefined)
    throw new RequestError('link-refused', 'the link limits the length, so it must be announced by Content-Length');
  if (Number(headers['content-length'] ?? 0) > maxBytes)
    throw new RequestError('link-refused', `the link is for at most ${maxBytes} bytes`, { facts: { maxBytes } });
}
