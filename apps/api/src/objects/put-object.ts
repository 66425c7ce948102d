import type { Deployment } from '#libs/deployment';
import { openBucket, putObject } from '#libs/objects';
import { answerStored, type ObjectRequest } from './object-request.js';
import { receiveBody } from './receive-body.js';
import { attributesOf, storageClassOf } from './request-attributes.js';
import { writeConditions } from './request-conditions.js';
import { expectationsOf } from './request-expectations.js';

/** Uploads an object. Headers and bucket are checked before the client is told to send its body, if it waits for that. */
export async function handlePut(deployment: Deployment, request: ObjectRequest): Promise<void> {
  const { engine } = deployment;
  const { headers } = request.exchange.request;
  const expected = expectationsOf(headers);
  const attributes = attributesOf(headers);
  const conditions = writeConditions(headers);
  const storageClass = storageClassOf(headers);
  const bucket = await openBucket(engine, request.context, request.bucket);
  const received = receiveBody(request.exchange, expected);
  const body = received instanceof Promise ? await received : received;
  const outcome = await putObject(engine, request.context, {
    bucket,
    key: request.key,
    body,
    expected,
    attributes,
    ...(storageClass === undefined ? {} : { storageClass }),
    ...(conditions ? { conditions } : {}),
  });
  request.exchange.contentBytes = outcome.record.size;
  const message = request.key.endsWith('/') ? 'Successfully Created Folder!' : 'Successfully Uploaded!';
  await answerStored(deployment, request, outcome, message);
}
