import { chunksOfBody } from '../filesystem/body.js';
import type { Call, PutRequest } from '../object-backend.js';

/** Reads a body to its end. `invalid` as soon as it is longer than announced, or ends shorter, or throws; the body is then closed. */
export async function collectBody(backend: string, call: Call, { body, size }: PutRequest): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of chunksOfBody(backend, call, body, size)) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}
