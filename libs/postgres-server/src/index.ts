/** The Postgres that comes with the product: started in a directory, reachable by a private socket, gone with its starter. */
export {
  findEmbeddedPostgres,
  startEmbeddedPostgres,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
} from './embedded-postgres.js';
export { parsePostgresUrl, postgresUrl, type PostgresConnection } from './connection.js';
export type { PostgresTls } from './tls.js';
