import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { needProgram } from './system-programs.js';
import { ServerProcess } from './server-process.js';

/** A Redis of its own, empty at first; what it was told it has on disk again after `kill` and `restart`. */
export interface RunningRedis {
  /** `redis://127.0.0.1:PORT`, with the password if there is one; the same over restarts. */
  readonly url: string;
  /** Sends one command, its words given one by one, and answers what came back first. */
  command(...words: string[]): Promise<string>;
  pause(): void;
  resume(): void;
  kill(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** A silent one is asked again while it starts; afterwards it is given time. */
const PROBE_MS = 2_000;
const ANSWERS_WITHIN_MS = 60_000;
const CONFIGURATION = resolve(import.meta.dirname, '../../ops/compose/redis.conf');
/** Where the container puts the password. */
const PASSWORD_FILE = '/tmp/auth.conf';

/** Each command over one connection of its own, one after the other; answers the last one's answer. */
async function ask(
  origin: string,
  commands: readonly (readonly string[])[],
  withinMs = ANSWERS_WITHIN_MS,
): Promise<string> {
  const { hostname, port } = new URL(origin);
  const socket = connect(Number(port), hostname);
  socket.setTimeout(withinMs, () => socket.destroy(new TypeError('Redis was silent')));
  // One that ends in the middle of a start hangs up without a word.
  socket.on('end', () => socket.destroy(new TypeError('Redis hung up')));
  try {
    await once(socket, 'connect');
    let last = '';
    for (const words of commands) {
      const parts = words.map((word) => `$${String(Buffer.byteLength(word))}\r\n${word}\r\n`);
      socket.write(`*${String(words.length)}\r\n${parts.join('')}`);
      const [answer] = (await once(socket, 'data')) as [Buffer];
      last = answer.toString().trim();
    }
    return last;
  } finally {
    socket.destroy();
  }
}

/** The project's redis.conf with the file of the password in `directory`. */
function configurationIn(directory: string, password: string | undefined): string {
  const auth = join(directory, 'auth.conf');
  writeFileSync(auth, password === undefined ? '' : `requirepass ${password}\n`, { mode: 0o600 });
  const text = readFileSync(CONFIGURATION, 'utf8');
  if (!text.includes(PASSWORD_FILE)) throw new Error(`ops/compose/redis.conf does not say "${PASSWORD_FILE}"`);
  const file = join(directory, 'redis.conf');
  writeFileSync(file, text.replace(PASSWORD_FILE, auth));
  return file;
}

/** Starts Debian's Redis with the project's own configuration, open to all unless a password is given. */
export async function startRedis({ password }: { readonly password?: string } = {}): Promise<RunningRedis> {
  const binary = needProgram('redis-server');
  const signIn = password === undefined ? [] : [['AUTH', password]];
  const server = await ServerProcess.start({
    binary,
    command: (port, directory) => ({
      file: binary.entry,
      args: [
        configurationIn(dirname(directory), password),
        ...['--bind', '127.0.0.1', '--port', String(port), '--dir', directory],
      ],
    }),
    isReady: async (origin) => {
      const answer = await ask(origin, [...signIn, ['PING']], PROBE_MS).catch((error: unknown) => {
        if (typeof error === 'object' && error !== null && 'code' in error) return 'not yet';
        throw error;
      });
      return answer === '+PONG';
    },
  });
  return {
    url: server.origin.replace('http://', password === undefined ? 'redis://' : `redis://:${password}@`),
    command: (...words) => ask(server.origin, [...signIn, words]),
    pause: () => server.pause(),
    resume: () => server.resume(),
    kill: () => server.kill(),
    restart: () => server.restart(),
    stop: () => server.stop(),
  };
}
