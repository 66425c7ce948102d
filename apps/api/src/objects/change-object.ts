import { z } from 'zod';
import type { Deployment } from '#libs/deployment';
import { openBucket, restampObject, type UserAttributes } from '#libs/objects';
import { parseWith, readJson } from '../http/json-body.js';
import { answerStored, type ObjectRequest } from './object-request.js';
import { writeConditions } from './request-conditions.js';

/** What a header can carry: no control characters. */
const text = z.string().regex(/^[^\u0000-\u0008\u000a-\u001f\u007f]*$/, 'must hold no control characters');
const pairs = z.record(z.string(), text);

/** A change of what is stored beside an object's bytes. Each part that is given replaces the old one whole. */
export const objectChange = z
  .strictObject({
    metadata: pairs.optional().describe('User metadata, by names without `x-amz-meta-`'),
    headers: z
      .strictObject({
        contentType: text.optional(),
        cacheControl: text.optional(),
        contentDisposition: text.optional(),
        contentEncoding: text.optional(),
        contentLanguage: text.optional(),
        expires: text.optional(),
      })
      .optional()
      .describe('The standard headers that the object is served with'),
    tags: pairs.optional(),
    tier: z.string().min(1).optional().describe('Name of a tier policy'),
    storageClass: z.string().min(1).optional().describe("A class of the vendor's own, instead of a tier"),
  })
  .refine((change) => Object.values(change).some((part) => part !== undefined), {
    error: 'expected at least one of metadata, headers, tags, tier and storageClass',
  })
  .refine((change) => change.tier === undefined || change.storageClass === undefined, {
    error: 'expected a tier or a storageClass, not both',
  });

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** A copy without the members that are undefined. */
function present<T extends object>(value: T): Present<T> {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as Present<T>;
}

/** The pairs with `__proto__`, which zod leaves out of records: an upload can bring metadata and tags of any name, so a change must be able to. */
function wholePairs(pairs: Readonly<Record<string, string>>, body: unknown, part: 'metadata' | 'tags'): typeof pairs {
  const given = Object.entries((body as Record<typeof part, object>)[part]);
  const found = given.find(([name]) => name === '__proto__');
  if (!found) return pairs;
  const value = parseWith(text, found[1], `the change is not right: ${part}.__proto__`);
  return Object.fromEntries([...Object.entries(pairs), ['__proto__', value]]);
}

/** Changes metadata, headers, tags or tier of an object where it lies; bytes and ETag stay. */
export async function handleChange(deployment: Deployment, request: ObjectRequest): Promise<void> {
  const { engine, settings } = deployment;
  const conditions = writeConditions(request.exchange.request.headers);
  const bucket = await openBucket(engine, request.context, request.bucket);
  const body = await readJson(request.exchange, { limit: settings.jsonLimitBytes });
  const change = parseWith(objectChange, body, 'the change is not right');
  const { headers } = change;
  const metadata = change.metadata && wholePairs(change.metadata, body, 'metadata');
  const tags = change.tags && wholePairs(change.tags, body, 'tags');
  const attributes: Partial<UserAttributes> = {
    ...(headers ? { headers: present(headers) } : {}),
    ...(metadata ? { metadata } : {}),
    ...(tags ? { tags } : {}),
  };
  const storageClass = change.tier ?? change.storageClass;
  const outcome = await restampObject(engine, request.context, {
    bucket,
    key: request.key,
    ...(Object.keys(attributes).length === 0 ? {} : { attributes }),
    ...(storageClass === undefined ? {} : { storageClass }),
    ...(conditions ? { conditions } : {}),
  });
  await answerStored(deployment, request, outcome, 'Successfully Changed!');
}
