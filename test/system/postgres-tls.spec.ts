import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { openDeployment, type OpenDeployment } from '#libs/deployment';
import { startEmbeddedPostgres } from '#libs/postgres-server';
import { readSettings } from '#libs/settings';
import { freePort } from '../servers/free-port.js';
import { findBinaries } from '../../libs/postgres-server/src/binaries.js';
import { findServerUser } from '../../libs/postgres-server/src/server-user.js';
import { until } from './running-spumoni.js';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
const absent = hasOpenssl ? '' : ' [skipped: openssl is not installed]';
const QUIET = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

(hasOpenssl ? describe : describe.skip)(`a Postgres of yours over TLS${absent}`, () => {
  const directory = mkdtempSync(join(tmpdir(), 'spumoni-tls-'));
  const file = (name: string): string => join(directory, name);
  let port: number;
  let server: ChildProcess | undefined;
  const open: OpenDeployment[] = [];

  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: directory, stdio: 'ignore' });

  /** An authority, and a certificate of it for `localhost` alone. */
  function makeCertificates(): void {
    for (const name of ['ca', 'stranger'])
      openssl(
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-days',
        '2',
        '-subj',
        `/CN=${name}`,
        '-keyout',
        `${name}.key`,
        '-out',
        `${name}.pem`,
      );
    openssl(
      'req',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-subj',
      '/CN=localhost',
      '-keyout',
      'server.key',
      '-out',
      'server.csr',
    );
    writeFileSync(file('server.ext'), 'subjectAltName=DNS:localhost\n');
    openssl(
      'x509',
      '-req',
      '-in',
      'server.csr',
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-days',
      '2',
      '-extfile',
      'server.ext',
      '-out',
      'server.pem',
    );
  }

  /** The Postgres that npm brings, on a cluster of its own, taking nothing but TLS. */
  async function startServer(): Promise<void> {
    const data = file('pg');
    await (await startEmbeddedPostgres({ dataDirectory: data, durable: false })).stop();
    const user = findServerUser();
    chmodSync(directory, 0o755);
    mkdirSync(file('socket'));
    writeFileSync(file('hba'), 'hostssl all all all trust\n');
    for (const name of ['server.key', 'server.pem', 'hba', 'socket']) {
      if (user.uid !== undefined && user.gid !== undefined) chownSync(file(name), user.uid, user.gid);
      chmodSync(file(name), name === 'socket' ? 0o700 : 0o600);
    }
    port = await freePort();
    const settings = {
      listen_addresses: '127.0.0.1',
      ssl: 'on',
      ssl_cert_file: file('server.pem'),
      ssl_key_file: file('server.key'),
      hba_file: file('hba'),
      fsync: 'off',
    };
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    server = spawn(findBinaries(user).postgres, ['-D', data, '-k', file('socket'), '-p', String(port), ...flags], {
      ...user,
      stdio: 'ignore',
      cwd: data,
    });
    await until('Postgres takes calls', 120_000, async () => {
      const client = new pg.Client({
        host: 'localhost',
        port,
        user: 'spumoni',
        database: 'spumoni',
        ssl: { rejectUnauthorized: false },
        connectionTimeoutMillis: 10_000,
      });
      try {
        await client.connect();
        return true;
      } catch {
        // Not yet: that is what is being waited for.
        return false;
      } finally {
        await client.end();
      }
    });
  }

  const settingsFor = (host: string, query: string) =>
    readSettings({
      SPUMONI_DATA_DIR: file('data'),
      SPUMONI_POSTGRES_URL: `postgresql://spumoni@${host}:${String(port)}/spumoni${query}`,
    });

  async function start(host: string, query: string): Promise<OpenDeployment> {
    const deployment = await openDeployment(settingsFor(host, query), { role: 'worker', logger: QUIET });
    open.push(deployment);
    return deployment;
  }

  beforeAll(async () => {
    makeCertificates();
    await startServer();
  }, 120_000);
  afterAll(async () => {
    await Promise.all(open.map((deployment) => deployment.close()));
    if (server?.exitCode === null) {
      const ended = once(server, 'exit');
      server.kill('SIGINT');
      await ended;
    }
    rmSync(directory, { recursive: true, force: true });
  }, 60_000);

  it('is used by control plane and queue, every connection encrypted', async () => {
    const deployment = await start('localhost', `?sslmode=verify-full&sslrootcert=${file('ca.pem')}`);
    expect(await deployment.readiness()).toMatchObject({ ready: true });
    const client = new pg.Client({
      host: 'localhost',
      port,
      user: 'spumoni',
      database: 'spumoni',
      ssl: { rejectUnauthorized: false },
    });
    await client.connect();
    const { rows } = await client.query<{ ssl: boolean; connections: number }>(
      `SELECT ssl, count(*)::integer AS connections FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE backend_type = 'client backend' GROUP BY ssl`,
    );
    await client.end();
    expect(rows).toMatchObject([{ ssl: true }]);
    expect(rows[0]?.connections).toBeGreaterThan(3);
  }, 60_000);

  it('is believed as far as sslmode says, and no further', async () => {
    const ca = `&sslrootcert=${file('ca.pem')}`;
    const stranger = `&sslrootcert=${file('stranger.pem')}`;
    for (const [host, query] of [
      ['127.0.0.1', '?sslmode=require'],
      ['127.0.0.1', `?sslmode=verify-ca${ca}`],
    ] as const)
      await start(host, query);
    for (const [host, query] of [
      ['localhost', ''],
      ['localhost', '?sslmode=disable'],
      ['127.0.0.1', `?sslmode=verify-full${ca}`],
      ['localhost', `?sslmode=require${stranger}`],
      ['localhost', `?sslmode=verify-ca${stranger}`],
      ['localhost', `?sslmode=verify-full${stranger}`],
      ['localhost', '?sslmode=verify-full'],
    ] as const)
      await expect(start(host, query)).rejects.toThrow();
  }, 60_000);

  it('is refused at the start where the settings cannot be meant', () => {
    for (const [query, reason] of [
      ['?sslmode=prefer', /sslmode that is not offered: expected disable, require, verify-ca, verify-full/],
      [`?sslmode=verify-full&sslrootcert=${file('none.pem')}`, /names cannot be read \(ENOENT\)/],
      [`?sslmode=verify-full&sslrootcert=${file('hba')}`, /holds no certificate in PEM|cannot be read/],
      ['?sslcert=mine.pem', /parameters that are not supported: sslcert/],
    ] as const)
      expect(() => settingsFor('localhost', query)).toThrow(reason);
  });
});
