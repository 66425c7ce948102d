/** Real servers for suites, benches and the tour: each installed by `node test/servers/install.mjs`, each optional. */
import { startAzurite } from './azurite.js';
import { findServer } from './cache.mjs';
import { startFakeGcs } from './fake-gcs.js';
import { startFerretDb } from './ferretdb.js';
import { startMinio, startMoto } from './s3-servers.js';
import type { ServerName } from './versions.mjs';

export { startAzurite } from './azurite.js';
export { makeAuthority, type TestAuthority } from './certificates.js';
export { startConnectProxy, type ConnectProxy } from './connect-proxy.js';
export { findServer, type ServerBinary } from './cache.mjs';
export { startFakeGcs } from './fake-gcs.js';
export { startFerretDb } from './ferretdb.js';
export { gaps, gapsOf, skippedFor, type Gap } from './gaps.js';
export type { AccessKeys, NoCredentials, Project, RunningServer, StorageAccount } from './running-server.js';
export { startNginx, type RunningNginx } from './nginx.js';
export { startRedis, type RunningRedis } from './redis.js';
export { startMinio, startMoto } from './s3-servers.js';
export { findProgram, type SystemProgram } from './system-programs.js';
export { SERVERS, type ServerName } from './versions.mjs';

const starters = {
  minio: () => startMinio(),
  moto: () => startMoto(),
  azurite: () => startAzurite(),
  'fake-gcs-server': () => startFakeGcs(),
  ferretdb: () => startFerretDb(),
} as const;

type Starters = typeof starters;
/** The running server of a name, with the credentials of its kind. */
export type Started<Name extends ServerName> = Awaited<ReturnType<Starters[Name]>>;

/** Starts one server by name; fails, saying how to install it, when it is not installed. */
export async function start<Name extends ServerName>(name: Name): Promise<Started<Name>>;
export async function start(name: ServerName): Promise<Started<ServerName>> {
  return starters[name]();
}

/** Every installed server, all running; absent ones are absent. */
export interface StartedServers {
  readonly servers: { readonly [Name in ServerName]?: Started<Name> };
  stop(): Promise<void>;
}

/** Starts every installed server at once. When one fails, the others are stopped before the failure is passed on. */
export async function startAll(): Promise<StartedServers> {
  const optional = <T>(name: ServerName, starter: () => Promise<T>) =>
    findServer(name) ? starter() : Promise.resolve(undefined);
  const all = await Promise.allSettled([
    optional('minio', starters.minio),
    optional('moto', starters.moto),
    optional('azurite', starters.azurite),
    optional('fake-gcs-server', starters['fake-gcs-server']),
    optional('ferretdb', starters.ferretdb),
  ]);
  const running = all.flatMap((one) => (one.status === 'fulfilled' && one.value ? [one.value] : []));
  const stop = async () => {
    await Promise.all(running.map((server) => server.stop()));
  };
  const failures = all.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
  if (failures.length > 0) {
    await stop();
    throw new AggregateError(failures, 'not every installed server started');
  }
  const servers = Object.fromEntries(running.map((server) => [server.name, server]));
  return { servers, stop };
}
