/** How to reach a Postgres; the fields are those of the `pg` driver, where a `host` that begins with `/` is a socket directory. */
export interface PostgresConnection {
  readonly host: string;
  /** Names the socket file when `host` is a directory. */
  readonly port?: number;
  readonly user: string;
  readonly database: string;
  readonly password?: string;
}
