import { randomBytes } from 'node:crypto';
import type { TestAuthority } from './certificates.js';
import { asRunning, needServer, overTls, probe, probeTls } from './launching.js';
import type { RunningServer, StorageAccount } from './running-server.js';
import { ServerProcess } from './server-process.js';

export interface AzuriteOptions {
  readonly backend?: 'memory' | 'filesystem';
  /** With the certificate of this authority, over https alone; it then takes tokens, of which it checks all but the signature. Copies then fail: it trusts no authority but itself. */
  readonly tls?: TestAuthority;
}

/**
 * Azurite's blob service with an account of its own. The endpoint carries the account in its path, as emulators do:
 * `http://127.0.0.1:PORT/ACCOUNT`. With `backend: 'filesystem'` the data outlives `restart`, else it does not.
 */
export async function startAzurite({ backend = 'memory', tls }: AzuriteOptions = {}): Promise<
  RunningServer<StorageAccount>
> {
  const binary = needServer('azurite');
  const accountName = `spumoni${randomBytes(6).toString('hex')}`;
  const accountKey = randomBytes(64).toString('base64');
  const server = await ServerProcess.start({
    binary,
    command: (port, directory) => ({
      file: process.execPath,
      args: [
        binary.entry,
        ...['--blobHost', '127.0.0.1', '--blobPort', String(port)],
        ...(backend === 'memory' ? ['--inMemoryPersistence'] : ['--location', directory]),
        ...(tls === undefined
          ? []
          : ['--cert', tls.certificateFile, '--key', tls.keyFile, '--oauth', 'basic', '--disableProductStyleUrl']),
        ...['--skipApiVersionCheck', '--disableTelemetry', '--silent'],
      ],
      env: {
        AZURITE_ACCOUNTS: `${accountName}:${accountKey}`,
      },
    }),
    isReady: async (origin) => {
      const path = `/${accountName}?comp=list`;
      const name =
        tls === undefined
          ? (await probe(origin + path)).headers.get('server')
          : (await probeTls(overTls(origin) + path)).server;
      return name?.startsWith('Azurite-Blob') === true;
    },
  });
  return asRunning('azurite', server, {
    endpoint: `${tls === undefined ? server.origin : overTls(server.origin)}/${accountName}`,
    credentials: { accountName, accountKey },
  });
}
