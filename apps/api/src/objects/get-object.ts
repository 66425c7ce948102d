import type { Deployment } from '#libs/deployment';
import type { BucketDocument } from '#libs/metadata';
import { openBucket, openObject, requireRecord, type OpenedObject, type RangeRequest } from '#libs/objects';
import { objectHeaders } from './object-headers.js';
import { backendName, type ObjectRequest } from './object-request.js';
import { ifRangeHolds, rangeOf, readConditions } from './request-conditions.js';
import { sendBody } from './send-body.js';

/** Downloads an object, or a range of it. Once headers have gone a failure cuts the connection: a part never ends like a whole. */
export async function handleGet(deployment: Deployment, request: ObjectRequest): Promise<void> {
  const { response } = request.exchange;
  const bucket = await openBucket(deployment.engine, request.context, request.bucket);
  const opened = await open(deployment, request, bucket);
  const { record, range } = opened;
  try {
    const location = await backendName(deployment, record.placement.backend);
    const headers = objectHeaders(record, location, range === undefined);
    const length = range ? range.end - range.start + 1 : record.size;
    headers['Content-Length'] = length;
    if (range) headers['Content-Range'] = `bytes ${range.start}-${range.end}/${record.size}`;
    if (response.destroyed) {
      opened.discard();
      return;
    }
    request.exchange.contentBytes = length;
    response.writeHead(range ? 206 : 200, headers);
  } catch (error) {
    opened.discard();
    throw error;
  }
  await sendBody(response, opened, range ? range.end - range.start + 1 : record.size);
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
