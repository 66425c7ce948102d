import { randomBytes } from 'node:crypto';
import { asRunning, needServer, probe } from './launching.js';
import type { RunningServer, StorageAccount } from './running-server.js';
import { ServerProcess } from './server-process.js';

/**
 * Azurite's blob service with an account of its own. The endpoint carries the account in its path, as emulators do:
 * `http://127.0.0.1:PORT/ACCOUNT`. With `backend: 'filesystem'` the data outlives `restart`, else it does not.
 */
export async function startAzurite({ backend = 'memory' }: { backend?: 'memory' | 'filesystem' } = {}): Promise<
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
        ...['--skipApiVersionCheck', '--disableTelemetry', '--silent'],
      ],
      env: { AZURITE_ACCOUNTS: `${accountName}:${accountKey}` },
    }),
    isReady: async (origin) =>
      (await probe(`${origin}/${accountName}?comp=list`)).headers.get('server')?.startsWith('Azurite-Blob') === true,
  });
  return asRunning('azurite', server, {
    endpoint: `${server.origin}/${accountName}`,
    credentials: { accountName, accountKey },
  });
}
