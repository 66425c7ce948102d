import { Compute, GoogleAuth } from 'google-auth-library';
import { BackendError } from '../errors.js';
import type { GcsConfig } from './config.js';
import { SCOPE } from './token-endpoint.js';

const SEARCH_MS = 30_000;

/**
 * The token of this machine's application default credentials, found by Google's own library: a file that the environment names, or the metadata
 * server, which is asked directly. A file's are asked for by the library's own connections, so it will not do for a backend that has a line of its
 * own: `denied` then, and the same where there is nothing to be found.
 */
export async function machineToken({ name: backend, line }: GcsConfig): Promise<{ token: string; expiresAt: number }> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`nothing was found in ${SEARCH_MS / 1000} seconds`)), SEARCH_MS);
  try {
    return await Promise.race([search(backend, line.ca !== undefined || line.proxy !== undefined), late]);
  } catch (error) {
    if (error instanceof BackendError) throw error;
    const said = error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'no reason given';
    throw new BackendError('denied', `backend ${backend} got no access token from this machine: ${said}`, {
      backend,
      cause: error,
    });
  } finally {
    clearTimeout(timer);
  }
}

async function search(backend: string, ownLine: boolean): Promise<{ token: string; expiresAt: number }> {
  const client = await new GoogleAuth({ scopes: SCOPE }).getClient();
  if (ownLine && !(client instanceof Compute))
    throw new BackendError(
      'denied',
      `backend ${backend} has a ca or a proxy, which Google's library would pass by: give the file of the application default credentials as serviceAccount or externalAccount`,
      { backend },
    );
  const { token } = await client.getAccessToken();
  if (token === null || token === undefined || token === '') throw new Error('it is empty');
  // Where the library does not say: an hour, as Google gives.
  return { token, expiresAt: client.credentials.expiry_date ?? Date.now() + 3_600_000 };
}
