import type { Deployment } from '#libs/deployment';
import { assertReadConditions, ObjectsError, openBucket, requireRecord } from '#libs/objects';
import { objectHeaders } from './object-headers.js';
import { backendName, type ObjectRequest } from './object-request.js';
import { readConditions } from './request-conditions.js';

/** Answers what a GET of the whole object would say, from the index alone. A range is not looked at (RFC 9110 section 14.2). */
export async function handleHead(deployment: Deployment, request: ObjectRequest): Promise<void> {
  const { engine } = deployment;
  const { response, request: message } = request.exchange;
  const bucket = await openBucket(engine, request.context, request.bucket);
  const record = await requireRecord(engine, bucket, request.key);
  const conditions = readConditions(message.headers);
  if (conditions) assertReadConditions(record, conditions);
  if (record.missing)
    throw new ObjectsError('object-missing', "the object's bytes are missing at its backend; its record is kept");
  const headers = objectHeaders(record, await backendName(deployment, record.placement.backend), true);
  headers['Content-Length'] = record.size;
  response.writeHead(200, headers);
  response.end();
}
