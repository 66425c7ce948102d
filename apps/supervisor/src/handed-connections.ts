import type { ChildProcess } from 'node:child_process';

/** A connection on its way from the cluster's primary to a process. */
interface Handed {
  /** Of no effect on one that is closed. */
  close(): void;
  /** Negative once it is closed. */
  readonly fd: number;
}

function isHanded(handle: unknown): handle is Handed {
  return typeof handle === 'object' && handle !== null && 'fd' in handle && 'close' in handle;
}

/**
 * Closes, when the process ends, each connection that was handed to it and that it never took. Node's primary closes its own side of a connection when the process says that it has it,
 * and so never if the process dies first: such a client would wait for an answer until its own patience ends, where others see the connection break at once and try again.
 */
export function breakWhatItNeverTook(child: ChildProcess): void {
  const handed = new Set<Handed>();
  const send = child.send.bind(child) as (...args: unknown[]) => boolean;
  const noting = (...args: unknown[]): boolean => {
    for (const one of handed) if (one.fd < 0) handed.delete(one);
    const [, handle] = args;
    if (isHanded(handle)) handed.add(handle);
    return send(...args);
  };
  Object.defineProperty(child, 'send', { value: noting });
  child.once('exit', () => {
    for (const one of handed) one.close();
  });
}
