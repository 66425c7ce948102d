import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Transfers of equally large objects, all at once. */
export interface Transfers {
  readonly method: 'PUT' | 'GET';
  readonly authorization: string;
  readonly size: number;
  readonly targets: readonly { readonly key: string; readonly url: string }[];
}

/** What was sent or received, by the client's own count and hash, and the ETag of the answer. */
export interface Transferred {
  readonly key: string;
  readonly size: number;
  readonly md5: string;
  readonly etag: string;
}

/** Does the transfers in a process of their own, whose memory is nobody's business. Rejects with what it printed. */
export async function transferInOwnProcess(transfers: Transfers): Promise<readonly Transferred[]> {
  const program = join(import.meta.dirname, 'transfer-client.mjs');
  const { stdout } = await promisify(execFile)(process.execPath, [program, JSON.stringify(transfers)]);
  return JSON.parse(stdout) as readonly Transferred[];
}
