import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findServer, type ServerBinary } from './cache.mjs';
import type { AccessKeys } from './running-server.js';
import { ServerProcess } from './server-process.js';
import type { PeerName } from './versions.mjs';

/** A peer that runs: what benches are held against, never what suites run on. */
export interface RunningPeer {
  readonly endpoint: string;
  readonly credentials: AccessKeys;
  readonly pid: number;
  stop(): Promise<void>;
}

/** What a peer keeps its bytes on instead of a directory, when it runs as a gateway. */
export type Backing = Pick<RunningPeer, 'endpoint' | 'credentials'>;

interface Setting {
  readonly port: number;
  readonly directory: string;
  readonly keys: AccessKeys;
  readonly backing: Backing | undefined;
}

type Command = (
  binary: ServerBinary,
  setting: Setting,
) => { file: string; args: string[]; env?: Record<string, string> };

/** Versity's gateway, on a directory by its `posix` or before another S3 by its `s3`. */
const versitygw: Command = ({ entry }, { port, directory, keys, backing }) => {
  const common = ['--port', `127.0.0.1:${port}`, '--access', keys.accessKey, '--secret', keys.secretKey];
  const kind = backing
    ? [
        's3',
        '--access',
        backing.credentials.accessKey,
        '--secret',
        backing.credentials.secretKey,
        '--endpoint',
        backing.endpoint,
      ]
    : ['posix', directory];
  return { file: entry, args: [...common, '--keep-alive', '--quiet', ...kind] };
};

const rclone: Command = ({ entry }, { port, directory, keys, backing }) => {
  const args = ['serve', 's3', '--addr', `127.0.0.1:${port}`, '--auth-key', `${keys.accessKey},${keys.secretKey}`];
  if (!backing) return { file: entry, args: [...args, '--config', '/dev/null', directory] };
  const env = {
    RCLONE_CONFIG_BACKING_TYPE: 's3',
    RCLONE_CONFIG_BACKING_PROVIDER: 'Minio',
    RCLONE_CONFIG_BACKING_ENDPOINT: backing.endpoint,
    RCLONE_CONFIG_BACKING_ACCESS_KEY_ID: backing.credentials.accessKey,
    RCLONE_CONFIG_BACKING_SECRET_ACCESS_KEY: backing.credentials.secretKey,
  };
  return { file: entry, args: [...args, '--config', '/dev/null', 'BACKING:'], env };
};

/** The jar on Java 17, told by a file of properties. */
const s3proxy: Command = ({ entry }, { port, directory, keys, backing }) => {
  const store = backing
    ? {
        'jclouds.provider': 's3',
        'jclouds.endpoint': backing.endpoint,
        'jclouds.identity': backing.credentials.accessKey,
        'jclouds.credential': backing.credentials.secretKey,
        'jclouds.s3.virtual-host-buckets': 'false',
      }
    : {
        'jclouds.provider': 'filesystem-nio2',
        'jclouds.identity': 'unused',
        'jclouds.credential': 'unused',
        'jclouds.filesystem.basedir': join(directory, 'store'),
      };
  const properties = {
    's3proxy.endpoint': `http://127.0.0.1:${port}`,
    's3proxy.authorization': 'aws-v2-or-v4',
    's3proxy.identity': keys.accessKey,
    's3proxy.credential': keys.secretKey,
    ...store,
  };
  mkdirSync(join(directory, 'store'), { recursive: true });
  const file = join(directory, 's3proxy.conf');
  writeFileSync(
    file,
    Object.entries(properties)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
    { mode: 0o600 },
  );
  return { file: 'java', args: ['-jar', entry, '--properties', file] };
};

const COMMANDS: Readonly<Record<PeerName, Command>> = { versitygw, rclone, s3proxy };

/** Starts an installed peer on a directory of its own, or before what backs it; fails, saying how to install it, when it is not installed. */
export async function startPeer(name: PeerName, backing?: Backing): Promise<RunningPeer> {
  const binary = findServer(name);
  if (!binary) throw new Error(`${name} is not installed; node test/servers/install.mjs --peers installs it`);
  const keys = { accessKey: randomBytes(10).toString('hex'), secretKey: randomBytes(20).toString('hex') };
  const server = await ServerProcess.start({
    binary,
    command: (port, directory) => COMMANDS[name](binary, { port, directory, keys, backing }),
    // Whatever it answers to nobody in particular, it answers.
    isReady: async (origin) => (await fetch(origin, { signal: AbortSignal.timeout(2_000) })).status > 0,
  });
  return { endpoint: server.origin, credentials: keys, pid: server.pid, stop: () => server.stop() };
}
