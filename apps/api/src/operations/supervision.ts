import cluster from 'node:cluster';
import type { RunningApi } from './run-api.js';

/** What the API tells whoever started it, by the channel of Node's child processes. */
type Message =
  | { readonly type: 'ready'; readonly url: string; readonly docs: string }
  | { readonly type: 'administrator'; readonly accessKey: string; readonly secretKey: string }
  | { readonly type: 'failed'; readonly reason: string };

/** True where a supervisor listens. */
export function isSupervised(): boolean {
  return process.send !== undefined;
}

function tell(message: Message): void {
  process.send?.(message);
}

/** Tells the supervisor that the API serves; before that, once in a deployment's life, the administrator's keys. Without a supervisor they go to standard output. */
export function announce({ url, deployment }: RunningApi): void {
  const { firstAdministrator } = deployment;
  const docs = `${url}/docs`;
  if (firstAdministrator) {
    const { accessKey, secretKey } = firstAdministrator;
    if (isSupervised()) tell({ type: 'administrator', accessKey, secretKey: secretKey.reveal() });
    else
      process.stdout.write(
        `First administrator, shown this once: access key ${accessKey}, secret key ${secretKey.reveal()}\n`,
      );
  }
  if (isSupervised()) tell({ type: 'ready', url, docs });
  else process.stdout.write(`Spumoni serves at ${url}; Swagger UI at ${docs}\n`);
}

/** Tells why the process cannot start, and ends it. */
export function fail(error: unknown): void {
  const reason =
    typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
  process.exitCode = 1;
  const end = (): void => process.exit(1);
  if (process.send) process.send({ type: 'failed', reason } satisfies Message, end);
  else process.stderr.write(`Spumoni cannot start: ${reason}\n`, end);
}

/** As long as the supervisor would have waited, and some more. */
const ORPHAN_MS = 30_000;

/**
 * Calls `stop` once: on the supervisor's word or its death, or, without one, on a signal. Signals are the supervisor's to obey where there is one: a terminal sends them to all.
 * Whoever has outlived its supervisor by `orphanMs` is killed, as nobody else is there to do that.
 */
export function onStop(stop: () => Promise<void>, orphanMs = ORPHAN_MS): void {
  let stopping: Promise<void> | undefined;
  let isOrphan = false;
  const once = (): void => {
    stopping ??= stop()
      // An ordinary exit first writes what is left of the log, and tries that for ever where whoever read it has gone.
      .finally(() => isOrphan && process.kill(process.pid, 'SIGKILL'))
      .then(
        () => process.exit(0),
        (error: unknown) => fail(error),
      );
  };
  const supervised = isSupervised();
  process.on('message', (message: unknown) => {
    if (typeof message === 'object' && message !== null && 'type' in message && message.type === 'stop') once();
  });
  // Else Node ends a cluster's child at once when the supervisor dies: nothing would drain, and an exit while the index writes waits for ever.
  if (cluster.worker) cluster.worker.exitedAfterDisconnect = true;
  process.on('disconnect', () => {
    isOrphan = true;
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), orphanMs).unref();
    once();
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => supervised || once());
}
