import { ObjectsError, type Expectations } from '#libs/objects';
import { ArrivingBody } from '../http/arriving-body.js';
import { continueBody, isFollowedByNonsense, SILENCE_MS, type Exchange } from '../http/exchange.js';
import { noteReceived } from './young-buffers.js';

/** A body of known length up to this is read whole: one buffer costs less than a stream. */
const WHOLE_BYTES = 64 * 1024;

/**
 * The body of an upload: one buffer where it is small, else a stream that can be read once. A client that waits for `100 Continue` is told to go on when the stream is first read:
 * by then the domain has checked all that can be checked without a body.
 */
export function receiveBody(
  exchange: Exchange,
  expected: Expectations,
): Promise<Uint8Array> | AsyncIterable<Uint8Array> {
  if (expected.size === 0) return Promise.resolve(new Uint8Array(0));
  const isSmall = expected.size !== undefined && expected.size <= WHOLE_BYTES;
  return isSmall && !exchange.awaitsContinue ? whole(exchange, expected.size) : streamed(exchange);
}

/** A small body mostly came along with its head. It is then taken out of the stream, which needs no listener, no timer and no turn of the event loop. */
async function whole(exchange: Exchange, size: number): Promise<Uint8Array> {
  const { request } = exchange;
  if (!request.complete || request.readableLength !== size) return readWhole(exchange, size);
  const bytes = request.read() as Buffer;
  exchange.contentBytes = bytes.length;
  if (isFollowedByNonsense(request)) throw tooLong();
  return bytes;
}

function readWhole(exchange: Exchange, size: number): Promise<Uint8Array> {
  const { request } = exchange;
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let read = 0;
    request.socket.setTimeout(SILENCE_MS);
    request.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      read += chunk.length;
      exchange.contentBytes = read;
    });
    request.once('end', () => {
      request.socket.setTimeout(0);
      if (isFollowedByNonsense(request)) reject(tooLong());
      else resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks));
    });
    request.once('error', () => undefined);
    request.once('close', () => {
      if (!request.complete) reject(incomplete(read, size));
    });
  });
}

/** The stream is not destroyed when the reader has enough: the answer still has to go out. */
async function* streamed(exchange: Exchange): AsyncGenerator<Uint8Array> {
  const { request } = exchange;
  let read = 0;
  continueBody(exchange);
  request.socket.setTimeout(SILENCE_MS);
  try {
    for await (const chunk of new ArrivingBody(request)) {
      read += chunk.byteLength;
      // Also where nothing comes of it: it is paid for by the limits of bytes a second.
      exchange.contentBytes = read;
      noteReceived(chunk.byteLength);
      yield chunk;
    }
    request.socket.setTimeout(0);
    if (isFollowedByNonsense(request)) throw tooLong();
  } catch (error) {
    throw request.complete ? error : incomplete(read, undefined, error);
  }
}

function incomplete(read: number, size: number | undefined, cause?: unknown): ObjectsError {
  const announced = size === undefined ? '' : ` of the ${size} that were announced`;
  return new ObjectsError(
    'incomplete-body',
    `the client went away after ${read} bytes${announced}; nothing was stored`,
    {
      ...(cause === undefined ? {} : { cause }),
    },
  );
}

/** The client has been told already, by whoever could not read what followed. */
function tooLong(): ObjectsError {
  return new ObjectsError('body-too-long', 'the body is longer than its Content-Length; nothing was stored');
}
