import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { FastifyReply } from 'fastify';
import { DeploymentError } from '#libs/deployment';
import { SILENCE_MS } from '../../http/exchange.js';

/** A backup that is being made, and what ends it early. */
export interface BackupToSend {
  readonly header: { readonly createdAt: number; readonly masterKeys: readonly string[] };
  readonly bytes: Readable;
  readonly signal: AbortSignal;
}

/**
 * Sends a backup as a file to be saved, as fast as the client reads. A client that takes nothing for two minutes is given up. Whatever ends it before its end cuts the connection, so that a part never looks like the whole:
 * `backup-unfinished` if that was the client or the end of the process, else the stores' own failure.
 */
export async function sendBackup(reply: FastifyReply, backup: BackupToSend): Promise<void> {
  const { header, bytes, signal } = backup;
  const response = reply.hijack().raw;
  response.socket?.setTimeout(SILENCE_MS);
  response.writeHead(200, {
    'Content-Type': 'application/gzip',
    'Content-Disposition': `attachment; filename="${fileName(header.createdAt)}"`,
    'Cache-Control': 'no-store',
    'X-Spumoni-Master-Keys': header.masterKeys.join(', '),
  });
  try {
    await pipeline(bytes, response, { signal });
  } catch (cause) {
    if (!signal.aborted && !isGone(cause)) throw cause;
    const why = signal.aborted ? 'the process was stopped' : 'the client went away';
    throw new DeploymentError('backup-unfinished', `${why} before the backup had been sent`, { cause });
  }
}

/** True where the other end broke off. */
function isGone(error: unknown): boolean {
  const codes = ['ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET', 'EPIPE'];
  return typeof error === 'object' && error !== null && 'code' in error && codes.includes(String(error.code));
}

/** For example `spumoni-2026-11-21T17-58-02Z.spumoni`: no character that a file system minds. */
function fileName(createdAt: number): string {
  return `spumoni-${new Date(createdAt).toISOString().replace(/\.\d+/, '').replaceAll(':', '-')}.spumoni`;
}
