import type { Deployment } from '#libs/deployment';
import { handleUpload } from '../uploads/serve-upload.js';
import { handleChange } from './change-object.js';
import { handleCopy, handleRename } from './copy-object.js';
import { getAtOnce, handleGet } from './get-object.js';
import { handleHead, headAtOnce } from './head-object.js';
import { handleMakeLink } from './make-link.js';
import type { ObjectRequest } from './object-request.js';
import { handlePut } from './put-object.js';
import { handleDelete } from './remove-object.js';

/** One operation on an object: how a request is known to be it, and what serves it. Its id is also its name in metrics, in logs and in the description of the API. */
export interface ObjectOperation {
  readonly id: string;
  readonly method: 'PUT' | 'GET' | 'HEAD' | 'DELETE' | 'POST' | 'PATCH';
  /** Query parameters there are. */
  readonly query: readonly string[];
  /** The parameter that must be there for the request to be this operation. */
  readonly selector?: string;
  readonly handle: (deployment: Deployment, request: ObjectRequest) => Promise<void>;
  /** Answers, before it returns, where all that it takes is at hand; else says nothing and answers false. Throws what `handle` would. */
  readonly atOnce?: (deployment: Deployment, request: ObjectRequest) => boolean;
}

/** Every operation on `/v1/{bucket}/{object}`. The dispatcher and the API's description both read it, so neither can have what the other lacks. */
export const OBJECT_OPERATIONS = [
  { id: 'putObject', method: 'PUT', query: [], handle: handlePut },
  { id: 'getObject', method: 'GET', query: [], handle: handleGet, atOnce: getAtOnce },
  { id: 'headObject', method: 'HEAD', query: [], handle: handleHead, atOnce: headAtOnce },
  { id: 'deleteObject', method: 'DELETE', query: ['recursive'], handle: handleDelete },
  { id: 'copyObject', method: 'POST', query: ['copyFrom'], selector: 'copyFrom', handle: handleCopy },
  { id: 'renameObject', method: 'POST', query: ['renameFrom'], selector: 'renameFrom', handle: handleRename },
  { id: 'makeLink', method: 'POST', query: ['link'], selector: 'link', handle: handleMakeLink },
  { id: 'changeObject', method: 'PATCH', query: [], handle: handleChange },
  { id: 'beginUpload', method: 'POST', query: ['upload'], selector: 'upload', handle: handleUpload },
  { id: 'statUpload', method: 'HEAD', query: ['upload'], selector: 'upload', handle: handleUpload },
  { id: 'appendUpload', method: 'PATCH', query: ['upload'], selector: 'upload', handle: handleUpload },
  { id: 'endUpload', method: 'DELETE', query: ['upload'], selector: 'upload', handle: handleUpload },
] as const satisfies readonly ObjectOperation[];
export type ObjectOperationId = (typeof OBJECT_OPERATIONS)[number]['id'];
