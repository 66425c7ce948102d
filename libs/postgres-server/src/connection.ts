import { tlsOf, type PostgresTls } from './tls.js';

/** How to reach a Postgres; the fields are those of the `pg` driver, where a `host` that begins with `/` is a socket directory. */
export interface PostgresConnection {
  readonly host: string;
  /** Names the socket file when `host` is a directory. */
  readonly port?: number;
  readonly user: string;
  readonly database: string;
  readonly password?: string;
  /** Absent: in the clear, or by a socket. */
  readonly ssl?: PostgresTls;
}

/**
 * The connection as a URL (a connection string of libpq): `postgresql://user:password@host:port/database`. A socket directory
 * stands in the parameter `host`, since a URL's own host cannot hold a path.
 */
export function postgresUrl(connection: PostgresConnection): string {
  const { host, port = 5432, user, database, password } = connection;
  const url = new URL(`postgresql://localhost:${String(port)}/${encodeURIComponent(database)}`);
  url.username = encodeURIComponent(user);
  if (password !== undefined) url.password = encodeURIComponent(password);
  if (host.startsWith('/')) url.searchParams.set('host', host);
  else url.hostname = host;
  return url.href;
}

const PARAMETERS = ['host', 'sslmode', 'sslrootcert'];

/**
 * Reads a URL such as `postgresUrl` writes. Throws with what is missing, and never with the URL itself, which may hold a
 * password. Parameters other than `host`, `sslmode` and `sslrootcert` (see `tlsOf`) are refused, since they would be passed over in silence.
 */
export function parsePostgresUrl(text: string): PostgresConnection {
  const expected = 'expected postgresql://user:password@host:port/database';
  if (!URL.canParse(text)) throw new Error(`not a Postgres URL: ${expected}`);
  const url = new URL(text);
  if (url.protocol !== 'postgresql:' && url.protocol !== 'postgres:')
    throw new Error(`not a Postgres URL: ${expected}`);
  const database = decodeURIComponent(url.pathname.slice(1));
  const host = url.searchParams.get('host') ?? url.hostname.replace(/^\[(.*)\]$/, '$1');
  const foreign = [...url.searchParams.keys()].filter((name) => !PARAMETERS.includes(name));
  if (foreign.length > 0)
    throw new Error(`the Postgres URL has parameters that are not supported: ${foreign.join(', ')}`);
  if (url.username === '' || database === '' || host === '')
    throw new Error(`the Postgres URL lacks a user, a host or a database: ${expected}`);
  const ssl = tlsOf(url.searchParams, host);
  return {
    host,
    port: url.port === '' ? 5432 : Number(url.port),
    user: decodeURIComponent(url.username),
    database,
    ...(ssl === undefined ? {} : { ssl }),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
  };
}
