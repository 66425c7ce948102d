import { describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { sliceOf } from '../src/filesystem/ids.js';
import { openFilesystem } from '../src/filesystem/index.js';
import { Writer } from './filesystem-writer.js';

const CALLS = 'openat,open,pwritev,pwritev2,writev,write,pwrite64,fdatasync,fsync,mkdir,mkdirat,rename,close';
/** A sandbox may have the program and forbid it its work. */
const traces = spawnSync('strace', ['-f', '-e', 'trace=openat', '-o', '/dev/null', 'true']).status === 0;
const container = 'spumoni-durability';

interface SystemCall {
  readonly name: string;
  /** The arguments as strace shows them, descriptors with their paths (`-y`). */
  readonly text: string;
  /** Positions, in the order of the trace, of the beginning and of the end. */
  readonly begun: number;
  readonly ended: number;
}

/** Reads what `strace -f -y` wrote; a call that others interrupt is shown in two lines. */
function parse(trace: string): SystemCall[] {
  const calls: SystemCall[] = [];
  const open = new Map<string, { name: string; text: string; begun: number }>();
  for (const [at, line] of trace.split('\n').entries()) {
    const [, thread = '', rest = ''] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest);
    const started = resumed === null ? /^(\w+)\((.*)$/.exec(rest) : null;
    const call =
      resumed === null ? started && { name: started[1] ?? '', text: started[2] ?? '', begun: at } : open.get(thread);
    if (call === null || call === undefined) continue;
    open.delete(thread);
    if (rest.endsWith('<unfinished ...>')) open.set(thread, call);
    else if (!/= -1 E/.test(rest)) calls.push({ ...call, text: call.text + (resumed?.[1] ?? ''), ended: at });
  }
  return calls;
}

const cases = [
  { what: 'a small write', size: 1024 },
  { what: 'a large write', size: 300_000 },
  { what: 'a write past the cache', size: 17 * 1024 * 1024 },
];

describe('what is on the disk when a write is answered', () => {
  const tested = traces
    ? it.each(cases)
    : it.skip.each(cases.map(({ what, size }) => ({ what: `${what} [skipped: strace cannot run here]`, size })));
  tested(
    '$what: its bytes, its entry, the directories above it and the session of its process, in that order',
    async ({ size }) => {
      const top = await mkdtemp(join(tmpdir(), 'spumoni-durability-'));
      const path = join(top, 'root');
      const backend = openFilesystem({ name: 'disk', type: 'filesystem', credentials: {}, options: { path } });
      await backend.createContainer({ requestId: 'durability' }, { container });
      const log = join(top, 'trace');
      const strace = ['strace', '-f', '-y', '-s', '60', '-e', `trace=${CALLS}`, '-o', log];
      const writer = await Writer.start(path, container, strace);
      const token = await writer.tell({ do: 'put', key: 'k', size });
      await writer.end();
      const calls = parse(await readFile(log, 'utf8'));
      const { period, slice } = sliceOf(token);
      const directory = join(path, container, period, slice);
      const file = join(directory, token);

      const one = (matches: (call: SystemCall) => boolean): SystemCall => {
        const found = calls.find(matches);
        if (found === undefined)
          throw new Error(`no such call in\n${calls.map(({ name, text }) => name + text).join('\n')}`);
        return found;
      };
      const answered = one(({ name, text }) => name === 'write' && text.includes(`done ${token}`));
      const synced = (target: string, after: number): SystemCall =>
        one(({ name, text, begun }) => /^f(data)?sync$/.test(name) && text.includes(`<${target}>`) && begun > after);
      const made = one(({ name, text }) => name === 'openat' && text.includes(`"${file}`) && text.includes('O_CREAT'));
      const writes = calls.filter(({ name, text }) => name.includes('write') && text.includes(`<${file}`));
      expect(writes).not.toEqual([]);
      const written = writes.reduce((last, call) => (call.ended > last.ended ? call : last));
      const small = made.text.includes('O_DSYNC');
      expect(small).toBe(size < 65_536);
      const durable = small ? written : synced(`${file}.part`, written.ended);
      const entered = small ? made : one(({ name, text }) => name === 'rename' && text.includes(`"${file}"`));
      expect(durable.ended).toBeLessThan(small ? answered.begun : entered.begun);
      expect(synced(directory, entered.ended).ended).toBeLessThan(answered.begun);
      const closed = one(
        ({ name, text, begun }) => name === 'close' && text.includes(`<${file}`) && begun > written.ended,
      );
      expect(closed.ended).toBeLessThan(answered.begun);
      for (const above of [directory, dirname(directory)]) {
        const mkdir = one(({ name, text }) => name.startsWith('mkdir') && text.includes(`"${above}"`));
        expect(synced(dirname(above), mkdir.ended).ended).toBeLessThan(answered.begun);
      }
      // The session comes before the first trace of the write: else a crash between them would leave bytes that nobody looks for.
      const session = one(({ name, text }) => name === 'openat' && /sessions\/\w+\.json".*O_DSYNC/.test(text));
      for (const above of [join(path, '.spumoni', 'sessions'), join(path, '.spumoni'), path])
        expect(synced(above, session.ended).ended).toBeLessThan(made.begun);
      await backend.close();
      await rm(top, { recursive: true });
    },
    60_000,
  );
});

describe('a small write that the disk takes only a part of', () => {
  it('fails, and leaves nothing', async () => {
    const top = await mkdtemp(join(tmpdir(), 'spumoni-part-'));
    const path = join(top, 'root');
    const backend = openFilesystem({ name: 'disk', type: 'filesystem', credentials: {}, options: { path } });
    await backend.createContainer({ requestId: 'part' }, { container });
    const writer = await Writer.start(path, container);
    const whole = await writer.tell({ do: 'put', key: 'whole', size: 1000 });
    writer.limitFiles(1500);
    // It ends by the failure, which it does not expect.
    await expect(writer.tell({ do: 'put', key: 'part', size: 4000 })).rejects.toThrow('the writer ended');
    await writer.end();
    const files = (await readdir(join(path, container), { recursive: true })).map((name) => basename(name));
    expect(files.filter((name) => name.length >= whole.length)).toEqual([whole]);
    await backend.close();
    await rm(top, { recursive: true });
  });
});
