import { once } from 'node:events';
import { connect } from 'node:net';
import { needProgram } from './system-programs.js';
import { ServerProcess } from './server-process.js';

/** A Redis of its own, empty at first; what it was told it has on disk again after `kill` and `restart`. */
export interface RunningRedis {
  /** `redis://127.0.0.1:PORT`, the same over restarts. */
  readonly url: string;
  /** Sends one command, its words given one by one, and answers what came back first. */
  command(...words: string[]): Promise<string>;
  pause(): void;
  resume(): void;
  kill(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const ANSWERS_WITHIN_MS = 2_000;

/** One command over a connection of its own. */
async function ask(origin: string, words: readonly string[]): Promise<string> {
  const { hostname, port } = new URL(origin);
  const socket = connect(Number(port), hostname);
  socket.setTimeout(ANSWERS_WITHIN_MS, () => socket.destroy(new TypeError('Redis was silent')));
  try {
    await once(socket, 'connect');
    const parts = words.map((word) => `$${String(Buffer.byteLength(word))}\r\n${word}\r\n`);
    socket.write(`*${String(words.length)}\r\n${parts.join('')}`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    return answer.toString().trim();
  } finally {
    socket.destroy();
  }
}

/** Starts Debian's Redis as production has it: every write appended to its file, nothing evicted. */
export async function startRedis(): Promise<RunningRedis> {
  const binary = needProgram('redis-server');
  const server = await ServerProcess.start({
    binary,
    command: (port, directory) => ({
      file: binary.entry,
      args: [
        ...['--bind', '127.0.0.1', '--port', String(port), '--dir', directory],
        ...['--appendonly', 'yes', '--appendfsync', 'always', '--save', '', '--maxmemory-policy', 'noeviction'],
      ],
    }),
    isReady: async (origin) => {
      const answer = await ask(origin, ['PING']).catch((error: unknown) => {
        if (typeof error === 'object' && error !== null && 'code' in error) return 'not yet';
        throw error;
      });
      return answer === '+PONG';
    },
  });
  return {
    url: server.origin.replace('http:', 'redis:'),
    command: (...words) => ask(server.origin, words),
    pause: () => server.pause(),
    resume: () => server.resume(),
    kill: () => server.kill(),
    restart: () => server.restart(),
    stop: () => server.stop(),
  };
}
