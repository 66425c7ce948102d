import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/**
 * The exclusive hold on a data directory, with no trace that a killed holder could leave in the way.
 *
 * Each contender binds a socket of its own in `<data>/lock`, then calls every other one there. The kernel closes a dead
 * process's socket, so one that refuses the call is rubbish and is deleted, and one that takes it is alive, whatever its pid,
 * its container or its start time. Two contenders cannot both miss each other: the later to bind finds the earlier.
 */
export interface DataDirectoryLock {
  /** Gives the directory free. Idempotent. */
  release(): void;
}

/** Somebody else holds the data directory; the message says who. */
export class DataDirectoryHeldError extends Error {
  override readonly name = 'DataDirectoryHeldError';
}

/** A holder that is busy for so long is still named; one that says nothing at all holds it too. */
const ANSWER_MS = 10_000;
const tries = 50;
/** How often one is called that hangs up without a word. */
const CALLS = 20;

/** What a live socket says of its owner; `unknown` if it takes the call but is too busy to speak. */
type Contender = { readonly state: 'asking' | 'holding' | 'unknown'; readonly who: string };

function code(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}

/** Sockets have short paths only (about 100 bytes): a link in the temporary directory stands for a directory with a longer one. */
async function throughShortPath<T>(directory: string, work: (short: string) => Promise<T>): Promise<T> {
  const place = mkdtempSync(join(tmpdir().length < 60 ? tmpdir() : '/tmp', 'spumoni-'));
  try {
    symlinkSync(directory, join(place, 'lock'));
    return await work(join(place, 'lock'));
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

const SILENT: Contender = { state: 'unknown', who: 'another process' };

/** Calls a socket once; undefined if nobody lives there any more. */
function callOnce(path: string, answerMs: number): Promise<Contender | 'hung up' | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    let said = '';
    const end = (heard: Contender | 'hung up' | undefined): void => {
      socket.destroy();
      resolve(heard);
    };
    socket.setEncoding('utf8').setTimeout(answerMs, () => end(SILENT));
    socket.on('error', (error) => {
      if (['ECONNREFUSED', 'ENOENT'].includes(String(code(error)))) end(undefined);
      else end(['ECONNRESET', 'EPIPE'].includes(String(code(error))) ? 'hung up' : SILENT);
    });
    socket.on('data', (chunk: string) => (said += chunk));
    socket.on('end', () => {
      const [state, who] = said.split('\n');
      end(who !== undefined && (state === 'asking' || state === 'holding') ? { state, who } : 'hung up');
    });
  });
}

/** Calls a socket; undefined if nobody lives there any more. One that hangs up without a word is just withdrawing or dying, which the next call tells: a holder speaks. */
async function call(path: string, answerMs: number): Promise<Contender | undefined> {
  for (let count = 0; count < CALLS; count += 1) {
    const heard = await callOnce(path, answerMs);
    if (heard !== 'hung up') return heard;
    await pause(10);
  }
  return SILENT;
}

async function callOthers(short: string, own: string, answerMs: number): Promise<Contender[]> {
  const others: Contender[] = [];
  for (const name of readdirSync(short).filter((entry) => entry !== own)) {
    const contender = await call(join(short, name), answerMs);
    if (contender !== undefined) others.push(contender);
    // Its name was its owner's alone, so nobody living can lose by this.
    else rmSync(join(short, name), { force: true });
  }
  return others;
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => resolve());
  });
}

/** One attempt: the lock, or those who stand in the way. */
async function attempt(short: string, directory: string, answerMs: number): Promise<DataDirectoryLock | Contender[]> {
  const own = randomBytes(6).toString('hex');
  const who = `process ${String(process.pid)}, running since ${new Date(Date.now() - process.uptime() * 1000).toISOString()}`;
  let state = 'asking';
  const server = createServer((socket) => {
    // A caller that hangs up early has lost interest, which concerns nobody.
    socket.on('error', () => undefined).end(`${state}\n${who}`);
  }).unref();
  const release = (): void => {
    server.close();
    rmSync(join(directory, own), { force: true });
  };
  try {
    await listen(server, join(short, own));
    const others = await callOthers(short, own, answerMs);
    // Between our binding and listening another may have taken our socket for a dead one and deleted it: then we do not count.
    if (others.length === 0 && existsSync(join(directory, own))) {
      state = 'holding';
      return { release };
    }
    release();
    return others;
  } catch (error) {
    release();
    throw error;
  }
}

/**
 * Takes the data directory for this process until `release` or the process's end, however it ends. Throws
 * DataDirectoryHeldError, naming the holder, if another process has it; several that start at once settle it among them. A holder
 * that does not answer within `answerMs` is not named.
 */
export async function lockDataDirectory(dataDirectory: string, answerMs = ANSWER_MS): Promise<DataDirectoryLock> {
  const directory = join(dataDirectory, 'lock');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return throughShortPath(directory, async (short) => {
    for (let count = 0; count < tries; count += 1) {
      const outcome = await attempt(short, directory, answerMs);
      if (!Array.isArray(outcome)) return outcome;
      const holder = outcome.find(({ state }) => state !== 'asking');
      if (holder !== undefined) {
        throw new DataDirectoryHeldError(
          `The data directory ${dataDirectory} is in use by ${holder.who}. Stop it first, or set SPUMONI_DATA_DIR to another.`,
        );
      }
      // Others are asking too, and all have withdrawn: uneven pauses let one of them be first.
      await pause(10 + Math.random() * 100);
    }
    throw new DataDirectoryHeldError(
      `The data directory ${dataDirectory} is asked for by other processes that keep starting.`,
    );
  });
}
