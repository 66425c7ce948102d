import type { Deployment } from '#libs/deployment';
import { openBucket, removeObject } from '#libs/objects';
import { RequestError } from '../http/request-error.js';
import { answerJson, type ObjectRequest } from './object-request.js';
import { removeFolder } from './remove-many.js';
import { writeConditions } from './request-conditions.js';

/** Deletes an object, or with `recursive=true` a folder and all below it. Deleting what is not there is no error. */
export async function handleDelete(deployment: Deployment, request: ObjectRequest): Promise<void> {
  const recursive = request.query.get('recursive');
  if (recursive !== undefined && recursive !== 'true' && recursive !== 'false')
    throw new RequestError('invalid-request', 'recursive must be true or false');
  const bucket = await openBucket(deployment.engine, request.context, request.bucket);
  if (recursive === 'true') {
    answerJson(
      request.exchange,
      await removeFolder(deployment.engine, request.context, { bucket, folder: request.key }),
    );
    return;
  }
  const conditions = writeConditions(request.exchange.request.headers);
  const removed = await removeObject(deployment.engine, request.context, {
    bucket,
    key: request.key,
    ...(conditions ? { conditions } : {}),
  });
  answerJson(request.exchange, {
    returnCode: 204,
    message: 'Successfully Deleted!',
    key: request.key,
    deleted: removed !== undefined,
  });
}
