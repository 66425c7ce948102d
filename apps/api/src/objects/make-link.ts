import { z } from 'zod';
import type { Deployment } from '#libs/deployment';
import { isLinkContentType, LINK_METHODS, signLink, type LinkTerms } from '#libs/identity';
import { openBucket } from '#libs/objects';
import { basicCredentials } from '../http/basic-credentials.js';
import { parseWith, readJson } from '../http/json-body.js';
import { RequestError } from '../http/request-error.js';
import { component } from '../http/schemas.js';
import { LINK_PARAMETER } from './link-access.js';
import { answerJson, type ObjectRequest } from './object-request.js';

const DEFAULT_SECONDS = 3600;

/** The wish for a link. How long it may be good for is a setting as well. */
export const linkWish = z
  .strictObject({
    method: z.enum(LINK_METHODS).default('GET').describe('The one thing that the link is good for'),
    expiresIn: z
      .number()
      .int()
      .min(1)
      .max(604_800)
      .optional()
      .describe('Seconds, up to SPUMONI_LINK_SECONDS; an hour, or that if it is less'),
    maxBytes: z
      .number()
      .int()
      .min(0)
      .max(999_999_999_999_999)
      .optional()
      .describe('With PUT: the longest body that is taken'),
    contentType: z
      .string()
      .max(127)
      .refine(isLinkContentType, 'expected a media type such as image/png, its parameters without quotes')
      .optional()
      .describe('With PUT: the only Content-Type that is taken'),
  })
  .refine(({ method, maxBytes, contentType }) => method === 'PUT' || (maxBytes ?? contentType) === undefined, {
    error: 'maxBytes and contentType are for PUT alone',
  });

/** A link that was made. */
export const madeLink = component(
  'Link',
  z.object({
    returnCode: z.literal(200),
    message: z.string(),
    method: z.enum(LINK_METHODS),
    key: z.string(),
    expires: z.iso.datetime(),
    path: z.string().describe('Path and query; put the address before it by which people reach this API'),
  }),
);

/** Makes a link to this object, signed by the key pair of the request. Nothing is stored: the link is good as long as its key, user and bucket are what they are now. */
export async function handleMakeLink(deployment: Deployment, request: ObjectRequest): Promise<void> {
  const { engine, settings } = deployment;
  const { exchange, key } = request;
  const bucket = await openBucket(engine, request.context, request.bucket);
  const body = await readJson(exchange, { limit: settings.jsonLimitBytes });
  const wish = parseWith(linkWish, body ?? {}, 'the wish is not right');
  const { method, maxBytes, contentType, expiresIn = Math.min(DEFAULT_SECONDS, settings.linkSeconds) } = wish;
  if (settings.linkSeconds === 0) throw new RequestError('invalid-request', 'links open nothing here');
  if (expiresIn > settings.linkSeconds)
    throw new RequestError('invalid-request', `expiresIn: expected at most ${settings.linkSeconds} seconds here`);
  const { accessKey, secret } = basicCredentials(exchange.request.headers);
  const expires = Math.floor(engine.clock.now() / 1000) + expiresIn;
  const terms: LinkTerms = {
    method,
    expires,
    accessKeyId: accessKey,
    ...(maxBytes === undefined ? {} : { maxBytes }),
    ...(contentType === undefined ? {} : { contentType }),
  };
  const token = signLink(secret, terms, { bucketId: bucket.id, key });
  answerJson(exchange, {
    returnCode: 200,
    message: 'Successfully Created!',
    method,
    key,
    expires: new Date(expires * 1000).toISOString(),
    path: `/v1/${encodeURIComponent(bucket.name)}/${pathOf(key)}?${LINK_PARAMETER}=${encodedToken(token)}`,
  });
}

/** `/` stays itself, unless a client would then take `.` or `..` out of the path before it sends it. */
function pathOf(key: string): string {
  const segments = key.split('/');
  const isSafe = !segments.some((segment) => segment === '.' || segment === '..');
  return segments.map(encodeURIComponent).join(isSafe ? '/' : '%2F');
}

function encodedToken(token: string): string {
  return encodeURIComponent(token).replaceAll('%3A', ':').replaceAll('%2F', '/');
}
