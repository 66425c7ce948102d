/** What of a pool of pg's is needed here: it tells of each client that it hands out. */
interface ClientPool {
  on(event: 'acquire', listener: (client: { on(event: 'error', listener: () => void): unknown }) => void): unknown;
}

/**
 * Keeps an error that comes late from ending the process. A client whose query failed is taken out of its pool and ended, and from then on nobody listens to it; if Postgres ends the connection in that
 * moment, as it does when it is stopped, the client emits an `error` that nobody hears. Whoever sent the query was told already.
 */
export function hearLateErrors(pool: ClientPool): void {
  const heard = new WeakSet<object>();
  pool.on('acquire', (client) => {
    if (heard.has(client)) return;
    heard.add(client);
    client.on('error', () => undefined);
  });
}

/** True for what is used as a pool; the driver of a data source does not say what it has. */
export function isClientPool(value: unknown): value is ClientPool {
  return typeof value === 'object' && value !== null && 'on' in value && typeof value.on === 'function';
}
