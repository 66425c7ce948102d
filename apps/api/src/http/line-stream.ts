import { once } from 'node:events';
import type { FastifyReply } from 'fastify';
import type { Exchange } from './exchange.js';

export const NDJSON = 'application/x-ndjson';

/**
 * Streams pages of values as newline-delimited JSON, as fast as the client reads: a page is read when the one before is on its way. A failure before the first page is an ordinary problem;
 * after it, the connection is cut, so that half a list never looks like a whole one.
 */
export async function sendLines(
  exchange: Exchange,
  reply: FastifyReply,
  pages: AsyncIterable<readonly object[]>,
): Promise<void> {
  const { response } = exchange;
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  for await (const page of pages) {
    if (!response.headersSent)
      reply.hijack().raw.writeHead(200, { 'Content-Type': NDJSON, 'Cache-Control': 'no-store' });
    if (gone.signal.aborted) return;
    const lines = page.map((value) => `${JSON.stringify(value)}\n`).join('');
    if (lines === '' || response.write(lines)) continue;
    // Ends by the client's going too: then there is nobody to read on.
    await once(response, 'drain', { signal: gone.signal }).catch((error: unknown) => {
      if (!gone.signal.aborted) throw error;
    });
  }
  response.end();
}
