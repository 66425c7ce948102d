import { BackendError, isBackendError } from '../errors.js';
import type { Call } from '../object-backend.js';
import type { WireAnswer } from '../wire/index.js';
import { wireFailure } from '../wire/failures.js';
import type { Crc32c } from './checksum.js';
import { piecesFrom } from './chunks.js';
import type { ChunkReader, HeldChunk } from './chunks.js';
import { garbage } from './errors.js';
import type { GcsRequest, GcsRequests } from './requests.js';
import { objectResource } from './resource.js';
import type { ObjectResource } from './resource.js';
import type { UploadTarget } from './upload-target.js';

const CANCEL_MS = 30_000;

/** An upload's bytes: what is held already, and where more come from. */
interface Source {
  readonly first: HeldChunk;
  readonly reader: ChunkReader;
  readonly sum: Crc32c;
}

/** An upload in progress, as GCS names it: the path and query of its session's URL. */
interface Session {
  readonly path: string;
  readonly action: string;
}

/** How far a session is: the object it made, or the bytes it has. */
type Progress = { readonly resource: ObjectResource } | { readonly persisted: number };

/**
 * Resumable uploads (cloud.google.com/storage/docs/performing-resumable-uploads): a session, then one chunk after another, of which one is held in
 * memory. A chunk that is cut off is not lost: the session is asked how far it came and goes on from there, once without progress. A session that
 * fails is cancelled. GCS lists no sessions; one whose writer died holds nothing visible and ends by itself after a week.
 */
export class ResumableUploads {
  readonly #gcs: GcsRequests;

  constructor(gcs: GcsRequests) {
    this.#gcs = gcs;
  }

  async upload(call: Call, target: UploadTarget, source: Source): Promise<ObjectResource> {
    const session = await this.#start(call, target);
    try {
      return await this.#sendAll(call, session, source);
    } catch (error) {
      throw await this.#cancel(session, error);
    }
  }

  async #start(call: Call, { container, key, fields, condition }: UploadTarget): Promise<Session> {
    const action = `write ${key} in ${container}`;
    const answer = await this.#gcs.expect(call, {
      method: 'POST',
      action,
      path: this.#gcs.uploadPath(container),
      query: { uploadType: 'resumable', name: key, ...condition },
      json: fields,
    });
    answer.body.discard();
    const location = answer.headers['location'];
    const { endpoint, name } = this.#gcs.config;
    if (location === undefined || !URL.canParse(location, endpoint.origin)) throw garbage(name, action);
    // Whatever host it names, the session is reached where the backend is.
    const { pathname, search } = new URL(location, endpoint.origin);
    return { path: pathname + search, action };
  }

  async #sendAll(call: Call, session: Session, { first, reader, sum }: Source): Promise<ObjectResource> {
    let chunk = first;
    let offset = 0;
    for (;;) {
      for (const piece of chunk.pieces) sum.update(piece);
      const made = await this.#sendChunk(call, session, { chunk, offset, sum });
      if (made) return made;
      offset += chunk.size;
      chunk = await reader.take(this.#gcs.config.chunkBytes);
    }
  }

  /** Sends one chunk until the session has all of it. Answers the object after the last. */
  async #sendChunk(call: Call, session: Session, placed: PlacedChunk): Promise<ObjectResource | undefined> {
    const { chunk, offset } = placed;
    let has = 0;
    let stalled = false;
    for (;;) {
      const progress = await this.#sendRest(call, session, placed, has);
      if ('resource' in progress) return progress.resource;
      const now = progress.persisted - offset;
      if (now < has || now > chunk.size) throw garbage(this.#gcs.config.name, session.action);
      if (now === chunk.size && !chunk.last) return undefined;
      if (now === has && stalled)
        throw new BackendError('unavailable', `the upload came to a stop: ${session.action}`, {
          backend: this.#gcs.config.name,
        });
      stalled = now === has;
      has = now;
    }
  }

  async #sendRest(call: Call, session: Session, placed: PlacedChunk, has: number): Promise<Progress> {
    try {
      return await this.#progress(session, await this.#gcs.send(call, chunkRequest(session, placed, has)));
    } catch (error) {
      const cutOff = isBackendError(error, 'unavailable') || isBackendError(error, 'timeout');
      if (!cutOff || call.signal?.aborted) throw error;
      return await this.#askStatus(call, session, error);
    }
  }

  async #askStatus(call: Call, session: Session, interruption: unknown): Promise<Progress> {
    const headers = { 'content-range': 'bytes */*' };
    const { path, action } = session;
    try {
      const asked: GcsRequest = { method: 'PUT', action, path, headers, body: Buffer.alloc(0) };
      return await this.#progress(session, await this.#gcs.send(call, asked));
    } catch (error) {
      if (!isBackendError(error)) throw error;
      const because = new AggregateError(
        [interruption, error],
        'the upload was cut off, and asking how far it came failed',
      );
      throw new BackendError(error.kind, error.message, { backend: this.#gcs.config.name, cause: because });
    }
  }

  async #progress({ action }: Session, answer: WireAnswer): Promise<Progress> {
    if (answer.status === 200 || answer.status === 201)
      return { resource: await this.#gcs.readJson(action, answer, objectResource) };
    if (answer.status === 308) {
      answer.body.discard();
      const range = answer.headers['range'];
      const [, last] = /^bytes=0-(\d+)$/.exec(range ?? '') ?? [];
      if (range !== undefined && last === undefined) throw garbage(this.#gcs.config.name, action);
      return { persisted: last === undefined ? 0 : Number(last) + 1 };
    }
    const failure = await this.#gcs.failureOf(action, answer);
    if (answer.status !== 404 && answer.status !== 410) throw failure;
    // It is the session that is gone, which says nothing about the container.
    throw new BackendError('unavailable', `the upload session is gone: ${failure.message}`, {
      backend: this.#gcs.config.name,
      cause: failure,
    });
  }

  /** Cancels a session, on a clock of its own: the call may have been given up. Answers the error to throw, with the clean-up's in its cause. */
  async #cancel({ path, action }: Session, error: unknown): Promise<BackendError> {
    const failure = wireFailure(this.#gcs.config.name, error);
    try {
      const call: Call = { requestId: 'cancel-upload', deadlineMs: CANCEL_MS };
      const answer = await this.#gcs.send(call, { method: 'DELETE', action: `cancel: ${action}`, path });
      // 499 is GCS's word for "cancelled" (the same page); 404 and 410 say that there is no session any more.
      const gone = answer.status < 300 || [404, 410, 499].includes(answer.status);
      if (!gone) throw await this.#gcs.failureOf(`cancel: ${action}`, answer);
      answer.body.discard();
      return failure;
    } catch (cleanUp) {
      const cause = new AggregateError([error, cleanUp], 'an upload failed, and so did cancelling it');
      return new BackendError(failure.kind, failure.message, { backend: this.#gcs.config.name, cause });
    }
  }
}

interface PlacedChunk {
  readonly chunk: HeldChunk;
  /** Where in the object the chunk begins. */
  readonly offset: number;
  /** Of everything up to the end of this chunk. */
  readonly sum: Crc32c;
}

/** The request for what the session does not have yet of a chunk. The last names the total, and the CRC32C of everything for GCS to compare. */
function chunkRequest({ path, action }: Session, { chunk, offset, sum }: PlacedChunk, has: number): GcsRequest {
  const end = offset + chunk.size;
  const extent = has < chunk.size ? `${offset + has}-${end - 1}` : '*';
  return {
    method: 'PUT',
    action,
    path,
    headers: {
      'content-range': `bytes ${extent}/${chunk.last ? end : '*'}`,
      ...(chunk.last ? { 'x-goog-hash': `crc32c=${sum.base64}` } : {}),
    },
    body: asyncPieces(chunk, has),
    contentLength: chunk.size - has,
  };
}

async function* asyncPieces(chunk: HeldChunk, from: number): AsyncGenerator<Uint8Array> {
  for (const piece of piecesFrom(chunk, from)) yield await Promise.resolve(piece);
}
