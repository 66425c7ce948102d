import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the ports that systems give to outgoing connections (32768 and up on Linux, 49152 and up elsewhere), of which one could take the port before its server does. */
const LOWEST = 10_000;
const HIGHEST = 32_000;
/** Each of Jest's processes has a share of them: no two suites at the same time are given one port. */
const SHARES = 8;
const SHARE = (HIGHEST - LOWEST) / SHARES;
const first = LOWEST + (Number(process.env['JEST_WORKER_ID'] ?? 0) % SHARES) * SHARE;
/** Not the ports of the suite before, whose last connections may still hold them. */
let next = Math.floor(Math.random() * SHARE);

/** A TCP port of 127.0.0.1 on which nobody listens. No connection is given it by chance, and no other suite, so it stays free for a server that is started on it, and started again. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = first + next;
    next = (next + 1) % SHARE;
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer().listen(port, '127.0.0.1');
  try {
    await once(probe, 'listening');
  } catch (error) {
    if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'EADDRINUSE') return false;
    throw error;
  }
  probe.close();
  await once(probe, 'close');
  return true;
}
