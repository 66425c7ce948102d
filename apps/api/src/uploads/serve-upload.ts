import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Server } from '@tus/server';
import { DeploymentError, type Deployment, type Upload } from '#libs/deployment';
import { ObjectsError, openBucket } from '#libs/objects';
import { finishEarly } from '../http/finish-early.js';
import { RequestError } from '../http/request-error.js';
import type { ObjectRequest } from '../objects/object-request.js';
import { upToTheCut } from './graceful-body.js';
import { wishOf } from './upload-wish.js';
import { UploadsOfRequest } from './uploads-of-request.js';

/** Loaded by the first upload. */
let tus: Promise<typeof import('@tus/server')> | undefined;

/** Nothing is locked: of two requests that write at one offset, the store takes one. */
const NO_LOCKS = {
  newLock: () => ({ lock: () => Promise.resolve(), unlock: () => Promise.resolve() }),
};
const VERSION = '1.0.0';

/**
 * Serves the tus protocol, 1.0.0, at the object's own URL: `?upload` begins an upload to it, `?upload=<id>` is that upload. The library speaks the protocol; what it refuses, and what the domain does,
 * is thrown, to be answered as a problem like everything else.
 */
export async function handleUpload(deployment: Deployment, request: ObjectRequest): Promise<void> {
  const { exchange, context, key, query } = request;
  const { response } = exchange;
  response.setHeader('Tus-Resumable', VERSION);
  response.setHeader('Tus-Version', VERSION);
  const bucket = await openBucket(deployment.engine, context, request.bucket);
  const wish = () => wishOf(key, exchange.request.headers);
  const store = new UploadsOfRequest(deployment, { context, place: { bucket, key }, wish });
  tus ??= import('@tus/server');
  const { Server } = await tus;
  let failure: unknown;
  const server = new Server({
    path: '/v1',
    datastore: store,
    locker: NO_LOCKS,
    maxSize: deployment.settings.uploads.bytes,
    namingFunction: () => randomUUID(),
    getFileIdFromRequest: () => query.get('upload') || undefined,
    generateUrl: (_, { id }) => locationOf(exchange.request.url ?? '', id),
    allowedOrigins: () => false,
    onUploadFinish: () => Promise.resolve(etagOf(store.last)),
    onResponseError: (_, error) => void (failure ??= error),
  });
  const answer = await server.handleWeb(webRequestOf(request));
  const offset = store.last?.offset;
  if (failure !== undefined || answer.status >= 400 || response.destroyed) await store.forgetUntold();
  if (failure !== undefined) throw meaningOf(failure, offset);
  if (answer.status >= 400) throw refused(answer.status, await answer.text(), offset);
  finishEarly(exchange, answer.status, headersOf(answer, store.last), '');
}

type TusRequest = Parameters<Server['handleWeb']>[0];

/** The request as the library wants it, with a body that ends where the connection is cut: what has come by then is kept. */
function webRequestOf({ exchange }: ObjectRequest): TusRequest {
  const { request } = exchange;
  const { method = 'GET' } = request;
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers))
    if (value !== undefined && !name.startsWith(':'))
      headers.set(name, Array.isArray(value) ? value.join(', ') : value);
  const hasBody = method === 'POST' || method === 'PATCH';
  const body = hasBody ? { body: Readable.toWeb(Readable.from(upToTheCut(exchange))), duplex: 'half' as const } : {};
  return new Request('http://localhost/v1/upload', { method, headers, ...(body as RequestInit) });
}

function locationOf(url: string, id: string): string {
  return `${url.slice(0, url.indexOf('?'))}?upload=${id}`;
}

function etagOf(upload: Upload | undefined): { headers?: Record<string, string> } {
  return upload?.etag === undefined ? {} : { headers: { ETag: `"${upload.etag}"` } };
}

/** What the library answers, without what is ours to say: who may read it, and that there is a text. */
function headersOf(answer: Response, upload: Upload | undefined): Record<string, string | number> {
  const headers: Record<string, string | number> = { 'Cache-Control': 'no-store' };
  for (const [name, value] of answer.headers)
    if (!name.startsWith('access-control-') && name !== 'content-type') headers[written(name)] = value;
  if (answer.status === 200 && upload?.echo !== undefined) headers['Upload-Metadata'] = upload.echo;
  if (answer.status === 201) headers['Content-Length'] = 0;
  return headers;
}

/** A header's name as people write it. */
function written(name: string): string {
  return name === 'etag' ? 'ETag' : name.replace(/(?<![a-z])[a-z]/g, (letter) => letter.toUpperCase());
}

/** The library throws what it refuses as a status and a text; everything else comes from the domain as it is. */
function meaningOf(failure: unknown, offset: number | undefined): unknown {
  if (failure instanceof Error && !('status_code' in failure)) return failure;
  if (typeof failure !== 'object' || failure === null || !('status_code' in failure) || !('body' in failure))
    return failure;
  return refused(Number(failure.status_code), String(failure.body), offset);
}

function refused(status: number, text: string, offset: number | undefined): Error {
  const detail = text.trim().slice(0, 500);
  if (status === 404) return new DeploymentError('no-such-upload', 'there is no such upload of yours to this key');
  if (status === 409)
    return new DeploymentError('upload-offset', 'the upload does not go on there; ask for its offset', {
      facts: offset === undefined ? {} : { offset },
    });
  if (status === 410) return new DeploymentError('upload-expired', 'the upload took too long; begin it anew');
  if (status === 413) return new ObjectsError('too-large', 'that is more than the upload may have, or has said');
  if (status === 501) return new RequestError('not-offered', detail);
  if (status === 412) return new RequestError('unsupported-protocol', `expected the header Tus-Resumable: ${VERSION}`);
  return new RequestError('invalid-request', detail === '' ? 'the request is no tus request' : detail);
}
