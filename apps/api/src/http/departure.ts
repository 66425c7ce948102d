import type { ServerResponse } from 'node:http';

/** Why work for a client that has gone was given up. */
class ClientGone extends Error {
  override readonly name = 'ClientGone';

  constructor() {
    super('the client went away before its answer was complete');
  }
}

/** Aborts as soon as the connection of an answer is gone before all of the answer is: nobody waits for the rest. */
export function departureOf(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  const leave = (): void => {
    if (!response.writableFinished) gone.abort(new ClientGone());
  };
  if (response.destroyed) leave();
  else response.once('close', leave);
  return gone.signal;
}

/** Whether an error is only the end of what a departure gave up. */
export function isDeparture(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) if (cause instanceof ClientGone) return true;
  return false;
}
