import type { IncomingHttpHeaders } from 'node:http';
import type { Deployment } from '#libs/deployment';
import { copyObject, openBucket, renameObject, type CopyObject, type UserAttributes } from '#libs/objects';
import { RequestError } from '../http/request-error.js';
import { answerStored, type ObjectRequest } from './object-request.js';
import { metadataOf, standardHeadersOf, storageClassOf, tagsOf } from './request-attributes.js';
import { sourceConditions, writeConditions } from './request-conditions.js';

/** Copies another object here (`copyFrom`), also between clouds. */
export async function handleCopy(deployment: Deployment, request: ObjectRequest): Promise<void> {
  const copy = await copyOf(deployment, request, request.query.get('copyFrom') ?? '');
  const outcome = await copyObject(deployment.engine, request.context, copy);
  await answerStored(deployment, request, outcome, 'Successfully Copied!');
}

/** Moves another object to this key (`renameFrom`): a copy, and then the source's deletion. */
export async function handleRename(deployment: Deployment, request: ObjectRequest): Promise<void> {
  const copy = await copyOf(deployment, request, request.query.get('renameFrom') ?? '');
  const outcome = await renameObject(deployment.engine, request.context, copy);
  await answerStored(deployment, request, outcome, 'Successfully Renamed!');
}

async function copyOf(deployment: Deployment, request: ObjectRequest, from: string): Promise<CopyObject> {
  const { engine } = deployment;
  const { headers } = request.exchange.request;
  const source = sourceOf(from);
  const replacing = attributesToReplace(headers);
  const storageClass = storageClassOf(headers);
  const onSource = sourceConditions(headers);
  const onDestination = writeConditions(headers);
  const [sourceBucket, bucket] = [
    await openBucket(engine, request.context, source.bucket),
    await openBucket(engine, request.context, request.bucket),
  ];
  return {
    source: { bucket: sourceBucket, key: source.key, ...(onSource ? { conditions: onSource } : {}) },
    destination: { bucket, key: request.key, ...(onDestination ? { conditions: onDestination } : {}) },
    ...(replacing ? { attributes: replacing } : {}),
    ...(storageClass === undefined ? {} : { storageClass }),
  };
}

/** `/bucket/key`; the first slash may be left out. */
function sourceOf(from: string): { bucket: string; key: string } {
  const path = from.startsWith('/') ? from.slice(1) : from;
  const slash = path.indexOf('/');
  if (slash < 1 || slash === path.length - 1)
    throw new RequestError('invalid-request', 'name the source as /bucket/key, percent-encoded');
  return { bucket: path.slice(0, slash), key: path.slice(slash + 1) };
}

/** As S3's CopyObject: what is carried over unless a directive says REPLACE. */
function attributesToReplace(headers: IncomingHttpHeaders): Partial<UserAttributes> | undefined {
  const replaceMetadata = isReplace(headers, 'x-amz-metadata-directive');
  const replaceTags = isReplace(headers, 'x-amz-tagging-directive');
  if (!replaceMetadata && !replaceTags) return undefined;
  return {
    ...(replaceMetadata ? { headers: standardHeadersOf(headers), metadata: metadataOf(headers) } : {}),
    ...(replaceTags ? { tags: tagsOf(headers) } : {}),
  };
}

function isReplace(headers: IncomingHttpHeaders, name: string): boolean {
  const value = headers[name];
  if (value === undefined || value === 'COPY') return false;
  if (value === 'REPLACE') return true;
  throw new RequestError('invalid-request', `${name} must be COPY or REPLACE`);
}
