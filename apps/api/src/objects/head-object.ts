import type { Deployment } from '#libs/deployment';
import type { ObjectRecord } from '#libs/metadata';
import { assertReadConditions, ObjectsError, openBucket, recordAtOnce, requireRecord } from '#libs/objects';
import { commonHeaders, type Exchange } from '../http/exchange.js';
import { objectHeaders } from './object-headers.js';
import { backendName, backendNameAtOnce, type ObjectRequest } from './object-request.js';
import { readConditions } from './request-conditions.js';

/** Answers what a GET of the whole object would say, from the index alone. A range is not looked at (RFC 9110 section 14.2). */
export async function handleHead(deployment: Deployment, request: ObjectRequest): Promise<void> {
  const { engine } = deployment;
  const { request: message } = request.exchange;
  const bucket = await openBucket(engine, request.context, request.bucket);
  const record = await requireRecord(engine, bucket, request.key);
  const conditions = readConditions(message.headers);
  if (conditions) assertReadConditions(record, conditions);
  if (record.missing)
    throw new ObjectsError('object-missing', "the object's bytes are missing at its backend; its record is kept");
  answer(request.exchange, record, await backendName(deployment, record.placement.backend));
}

/** The same, where the index and the configuration are at hand (ADR 20). */
export function headAtOnce(deployment: Deployment, request: ObjectRequest): boolean {
  const record = recordAtOnce(deployment.engine, request.context, request.bucket, request.key);
  const location = record && backendNameAtOnce(deployment, record.placement.backend);
  if (!record || record.missing || location === undefined) return false;
  const conditions = readConditions(request.exchange.request.headers);
  if (conditions) assertReadConditions(record, conditions);
  answer(request.exchange, record, location);
  return true;
}

function answer(exchange: Exchange, record: ObjectRecord, location: string): void {
  const headers = objectHeaders(record, location, true);
  headers.push('Content-Length', record.size, ...commonHeaders(exchange));
  exchange.response.writeHead(200, headers);
  exchange.response.end();
}
