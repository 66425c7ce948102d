import type { ByteRange } from '#libs/backends';
import type { Deployment } from '#libs/deployment';
import type { BucketDocument, ObjectRecord } from '#libs/metadata';
import {
  assertReadConditions,
  bytesAtOnce,
  openBucket,
  openObject,
  recordAtOnce,
  requireRecord,
  resolveRange,
  type OpenedObject,
  type RangeRequest,
} from '#libs/objects';
import { departureOf, isDeparture } from '../http/departure.js';
import { commonHeaders, type Exchange } from '../http/exchange.js';
import { objectHeaders } from './object-headers.js';
import { backendName, backendNameAtOnce, type ObjectRequest } from './object-request.js';
import { ifRangeHolds, rangeOf, readConditions } from './request-conditions.js';
import { sendBody, sendWhole } from './send-body.js';

/**
 * Downloads an object, or a range of it. Once headers have gone a failure cuts the connection: a part never ends like a whole. What a client that has gone was waiting for is given up at once,
 * so that a silent backend keeps no connection for nobody.
 */
export async function handleGet(deployment: Deployment, request: ObjectRequest): Promise<void> {
  const signal = departureOf(request.exchange.response);
  try {
    await download(deployment, { ...request, context: { ...request.context, signal } });
  } catch (error) {
    // Nobody is left to be told.
    if (!isDeparture(error)) throw error;
  }
}

async function download(deployment: Deployment, request: ObjectRequest): Promise<void> {
  const { response } = request.exchange;
  const bucket = await openBucket(deployment.engine, request.context, request.bucket);
  const opened = await open(deployment, request, bucket);
  const { record, range } = opened;
  try {
    const location = await backendName(deployment, record.placement.backend);
    if (response.destroyed) {
      opened.discard();
      return;
    }
    begin(request.exchange, { record, range, location });
  } catch (error) {
    opened.discard();
    throw error;
  }
  await sendBody(response, opened, range ? range.end - range.start + 1 : record.size);
}

/** The same of an object, or a part, that is at hand as a whole (ADR 20). */
export function getAtOnce(deployment: Deployment, request: ObjectRequest): boolean {
  const { exchange, context, bucket, key } = request;
  const { headers } = exchange.request;
  if (headers['if-range'] !== undefined) return false;
  const record = recordAtOnce(deployment.engine, context, bucket, key);
  const location = record && backendNameAtOnce(deployment, record.placement.backend);
  if (!record || location === undefined) return false;
  const conditions = readConditions(headers);
  if (conditions) assertReadConditions(record, conditions);
  const asked = rangeOf(headers);
  const range = asked && resolveRange(asked, record.size);
  const whole = bytesAtOnce(deployment.engine, record, range);
  if (!whole) return false;
  if (exchange.response.destroyed) return true;
  begin(exchange, { record, range, location });
  sendWhole(exchange.response, whole);
  return true;
}

interface Beginning {
  readonly record: ObjectRecord;
  readonly range: ByteRange | undefined;
  readonly location: string;
}

/** Writes the head of the answer. */
function begin(exchange: Exchange, { record, range, location }: Beginning): void {
  const headers = objectHeaders(record, location, range === undefined);
  const length = range ? range.end - range.start + 1 : record.size;
  headers.push('Content-Length', length, ...commonHeaders(exchange));
  if (range) headers.push('Content-Range', `bytes ${range.start}-${range.end}/${record.size}`);
  exchange.contentBytes = length;
  exchange.response.writeHead(range ? 206 : 200, headers);
}

/** Opens what was asked for; where `If-Range` does not name the object as it is, the whole of it. */
async function open(deployment: Deployment, request: ObjectRequest, bucket: BucketDocument): Promise<OpenedObject> {
  const { headers } = request.exchange.request;
  const range = rangeOf(headers);
  if (!range || headers['if-range'] === undefined) return openRange(deployment, request, bucket, range);
  const record = await requireRecord(deployment.engine, bucket, request.key);
  if (!ifRangeHolds(headers, record)) return openRange(deployment, request, bucket, undefined);
  const opened = await openRange(deployment, request, bucket, range);
  if (opened.record.etag === record.etag) return opened;
  // Replaced between the look and the read: the client's part is of the older object.
  opened.discard();
  return openRange(deployment, request, bucket, undefined);
}

function openRange(
  deployment: Deployment,
  request: ObjectRequest,
  bucket: BucketDocument,
  range: RangeRequest | undefined,
): Promise<OpenedObject> {
  const conditions = readConditions(request.exchange.request.headers);
  return openObject(deployment.engine, request.context, {
    bucket,
    key: request.key,
    transientChunks: true,
    ...(range ? { range } : {}),
    ...(conditions ? { conditions } : {}),
  });
}
