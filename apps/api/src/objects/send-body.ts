import type { ServerResponse } from 'node:http';
import type { OpenedObject } from '#libs/objects';
import { SILENCE_MS } from '../http/exchange.js';

/** A body up to this size is handed to Node as text: head and body are then one text and one plain write, which costs less than to gather two. */
const TEXT_BYTES = 4 * 1024;

/**
 * Sends an object's body, chunk by chunk: the next is asked for only when the last has been handed to the system, since the backend may reuse its buffer. Headers must be set, with the body's length.
 * A client that goes away ends the transfer. Throws what the body throws; the caller then cuts the connection.
 */
export async function sendBody(response: ServerResponse, opened: OpenedObject, length: number): Promise<void> {
  if (opened.whole?.byteLength === length) {
    sendWhole(response, opened.whole);
    return;
  }
  let left = length;
  response.socket?.setTimeout(SILENCE_MS);
  try {
    for await (const chunk of opened.body) {
      left -= chunk.byteLength;
      if (response.destroyed) return;
      if (!(await handOver(response, chunk, left === 0))) return;
    }
    if (left !== 0) throw new Error(`the body and its record differ by ${left} bytes`);
    if (!response.writableEnded) response.end();
  } finally {
    if (left !== 0) opened.discard();
  }
}

/** Sends a body that is at hand as a whole. Where the system does not take all of it at once, a client that falls silent is given up. */
export function sendWhole(response: ServerResponse, whole: Uint8Array): void {
  if (whole.byteLength > TEXT_BYTES) response.end(whole);
  else response.end(latin1Of(whole), 'latin1');
  const { socket } = response;
  if (socket && socket.writableLength > 0) socket.setTimeout(SILENCE_MS);
}

/** The bytes as the text that Node writes them from. */
function latin1Of(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** Resolves when the system has the chunk; false if the client went away instead. */
function handOver(response: ServerResponse, chunk: Uint8Array, isLast: boolean): Promise<boolean> {
  return new Promise((resolve) => {
    const gone = (): void => resolve(false);
    const done = (error?: Error | null): void => {
      response.off('close', gone);
      resolve(!error);
    };
    response.once('close', gone);
    if (isLast) response.end(chunk, () => done());
    else response.write(chunk, done);
  });
}
