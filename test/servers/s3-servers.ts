import { randomBytes } from 'node:crypto';
import type { TestAuthority } from './certificates.js';
import { asRunning, needServer, overTls, probe, probeTls } from './launching.js';
import type { AccessKeys, RunningServer } from './running-server.js';
import { ServerProcess } from './server-process.js';

const newKeys = (): AccessKeys => ({
  accessKey: randomBytes(10).toString('hex'),
  secretKey: randomBytes(20).toString('hex'),
});

export interface MinioOptions {
  /** With the certificate of this authority, over https alone. */
  readonly tls?: TestAuthority;
  /** More of its environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** MinIO on one drive, console off, root keys made for this start; what it has acknowledged outlives `kill`. */
export async function startMinio({ tls, env = {} }: MinioOptions = {}): Promise<RunningServer<AccessKeys>> {
  const binary = needServer('minio');
  const credentials = newKeys();
  const server = await ServerProcess.start({
    binary,
    command: (port, directory) => ({
      file: binary.entry,
      args: [
        ...['server', '--quiet', '--address', `127.0.0.1:${port}`],
        ...(tls === undefined ? [] : ['--certs-dir', tls.directory]),
        directory,
      ],
      env: {
        MINIO_ROOT_USER: credentials.accessKey,
        MINIO_ROOT_PASSWORD: credentials.secretKey,
        MINIO_BROWSER: 'off',
        MINIO_UPDATE: 'off',
        ...env,
      },
    }),
    // Its health page says yes before the drive is open; an unsigned request is refused (403) only once all is.
    isReady: async (origin) => {
      const ask = async (path: string): Promise<number> =>
        tls === undefined ? (await probe(origin + path)).status : (await probeTls(overTls(origin) + path)).status;
      return (await ask('/minio/health/cluster')) === 200 && (await ask('/')) === 403;
    },
  });
  return asRunning('minio', server, {
    endpoint: tls === undefined ? server.origin : overTls(server.origin),
    credentials,
  });
}

/** moto: AWS's classes and restore, in memory (empty after `restart`); it accepts any keys. */
export async function startMoto(): Promise<RunningServer<AccessKeys>> {
  const binary = needServer('moto');
  const server = await ServerProcess.start({
    binary,
    command: (port) => ({ file: binary.entry, args: ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)] }),
    isReady: async (origin) => (await probe(`${origin}/moto-api/data.json`)).status === 200,
  });
  return asRunning('moto', server, { endpoint: server.origin, credentials: newKeys() });
}
