/** What the worker says to its supervisor, and hears from it. Started alone, in a container, it is told by signals instead. */

/** As long as the supervisor would have waited, and some more. */
const ORPHAN_MS = 30_000;

function tell(message: object): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    // A channel that breaks now belongs to a supervisor that is ending: the `disconnect` says so.
    else process.send(message, () => resolve());
  });
}

/** Says that it is at work. */
export function announce(): Promise<void> {
  return tell({ type: 'ready' });
}

/** Says why it cannot start, and ends. */
export async function fail(error: unknown): Promise<never> {
  const reason = error instanceof Error ? error.message : String(error);
  if (process.connected) await tell({ type: 'failed', reason });
  else process.stderr.write(`${reason}\n`);
  process.exit(1);
}

function isStop(message: unknown): boolean {
  return typeof message === 'object' && message !== null && 'type' in message && message.type === 'stop';
}

/**
 * Runs `stop` once and ends the process: code 0 after an orderly stop. Under a supervisor it is told by message, and signals, which a terminal sends to everyone, are ignored;
 * if the supervisor vanishes, it stops as well, so that no worker is left alone: within `orphanMs`, or it is killed, as nobody else is there to do that.
 */
export function onStop(stop: () => Promise<void>, orphanMs = ORPHAN_MS): void {
  let stopping = false;
  let isOrphan = false;
  const end = (): void => {
    if (stopping) return;
    stopping = true;
    stop()
      // An ordinary exit first writes what is left of the log, and tries that for ever where whoever read it has gone.
      .finally(() => isOrphan && process.kill(process.pid, 'SIGKILL'))
      .then(
        () => process.exit(0),
        (error: unknown) => void fail(error),
      );
  };
  const isSupervised = process.send !== undefined;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, isSupervised ? () => undefined : end);
  process.on('disconnect', () => {
    isOrphan = true;
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), orphanMs).unref();
    end();
  });
  process.on('message', (message: unknown) => {
    if (isStop(message)) end();
  });
}
