import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { BackendDefinition, ObjectBackend } from '../src/index.js';
import { openGcs } from '../src/gcs/index.js';

/** What a test answers to a request, in place of GCS: for answers that no emulator gives. */
export type Answer = (incoming: IncomingMessage, answer: ServerResponse) => Promise<void> | void;

export interface Seen {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
}

export interface Loopback {
  readonly origin: string;
  readonly seen: readonly Seen[];
  close(): Promise<void>;
}

/** A server on a free port of this machine that answers as told, and remembers what was asked. */
export async function listen(answerWith: Answer): Promise<Loopback> {
  const seen: Seen[] = [];
  const server = createServer((incoming, answer) => {
    const url = new URL(incoming.url ?? '/', 'http://loopback');
    seen.push({ method: incoming.method ?? '', url, headers: incoming.headers });
    // A request that the test cuts itself ends in an error here, which the client sees as a cut connection.
    Promise.resolve(answerWith(incoming, answer)).catch(() => answer.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server is not listening on a port');
  const close = async (): Promise<void> => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  return { origin: `http://127.0.0.1:${address.port}`, seen, close };
}

export async function readAll(incoming: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export function json(
  answer: ServerResponse,
  status: number,
  document: unknown,
  headers: Record<string, string> = {},
): void {
  answer.writeHead(status, { 'content-type': 'application/json; charset=UTF-8', ...headers });
  answer.end(JSON.stringify(document));
}

/** GCS's form of an error. */
export function refusal(code: number, reason: string, message = 'no'): unknown {
  return { error: { code, message, errors: [{ domain: 'global', reason, message }] } };
}

/** An object resource as GCS answers it. */
export function resourceOf(more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    kind: 'storage#object',
    name: 'k',
    bucket: 'bucket',
    generation: '1700000000000001',
    metageneration: '1',
    etag: 'CAE=',
    size: '3',
    storageClass: 'STANDARD',
    updated: '2026-01-02T03:04:05.678Z',
    ...more,
  };
}

export function definitionOf(endpoint: string, more: Partial<BackendDefinition> = {}): BackendDefinition {
  const options = { insecure: true, projectId: 'spumoni-test', ...more.options };
  return { name: 'gcs', type: 'gcs', endpoint, credentials: {}, ...more, options };
}

/** Runs a test against a backend whose GCS answers as told. */
export async function against(
  answerWith: Answer,
  run: (backend: ObjectBackend, server: Loopback) => Promise<void>,
  options: BackendDefinition['options'] = {},
): Promise<void> {
  const server = await listen(answerWith);
  const backend = openGcs(definitionOf(server.origin, { options }));
  try {
    await run(backend, server);
  } finally {
    await backend.close();
    await server.close();
  }
}
