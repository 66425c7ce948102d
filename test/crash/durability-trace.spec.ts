import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Client } from '../system/client.js';
import { RunningSpumoni } from '../system/running-spumoni.js';
import { createBucket } from './administration.js';
import { parseTrace, traceOf, whyNoTrace, type SystemCall } from './system-calls.js';

const BUCKET = 'durable';
const WRITES = ['write', 'writev', 'pwrite64', 'pwritev', 'pwritev2'];

/** The path behind a call's first descriptor. */
function target({ text }: SystemCall): string {
  return /^\d+<([^>]*)>/.exec(text)?.[1] ?? '';
}

/** The last path among a call's arguments: what it makes. */
function made({ text }: SystemCall): string {
  return /^.*"([^"]*)"/.exec(text)?.[1] ?? '';
}

function isSync({ name }: SystemCall): boolean {
  return name === 'fsync' || name === 'fdatasync';
}

function makesEntry({ name, text, result }: SystemCall): boolean {
  if (result < 0) return false;
  return name === 'openat' ? text.includes('O_CREAT') : /^(mkdir|link|rename)/.test(name);
}

/** What one upload asked of the kernel, put in order. */
class Upload {
  readonly answer: SystemCall;

  constructor(
    private readonly calls: readonly SystemCall[],
    private readonly dataDirectory: string,
  ) {
    const answer = calls.find(({ text }) => text.includes('TCP:') && text.includes('HTTP/1.1 200'));
    if (!answer) throw new Error('no answer in the trace');
    this.answer = answer;
  }

  /** Directory entries made under the data directory before the answer. */
  get entries(): SystemCall[] {
    return this.calls.filter(
      (call) => makesEntry(call) && call.began < this.answer.began && made(call).startsWith(this.dataDirectory),
    );
  }

  /** Entries of the objects' own directory. */
  get objectEntries(): SystemCall[] {
    return this.entries.filter((call) => made(call).startsWith(`${this.dataDirectory}/objects/${BUCKET}/`));
  }

  /** The line at which what was written to a file was on the disk: by its last write if it was opened for synced writing, else by a sync after that. */
  syncedAt(path: string): number {
    const writes = this.calls.filter((call) => WRITES.includes(call.name) && target(call) === path);
    if (writes.length === 0) return Infinity;
    const last = Math.max(...writes.map(({ ended }) => ended));
    const opened = this.calls.find((call) => call.name === 'openat' && made(call) === path);
    if (opened && /O_D?SYNC/.test(opened.text)) return last;
    return this.#firstSync(path, last);
  }

  /** The line at which the directory of an entry was on the disk. */
  entrySyncedAt(entry: SystemCall): number {
    return this.#firstSync(dirname(made(entry)), entry.ended);
  }

  /** Where the index was first written to, and when it was last synced before the answer. `later`: descriptors written through after that. */
  get index(): { firstWrite: number; synced: number; later: readonly string[] } {
    const path = `${this.dataDirectory}/index/data.mdb`;
    const writes = this.calls.filter((call) => call.began < this.answer.began && WRITES.includes(call.name));
    const own = writes.filter((call) => target(call) === path);
    const syncs = this.calls.filter((call) => isSync(call) && target(call) === path && call.ended < this.answer.began);
    const synced = Math.max(-1, ...syncs.filter(({ result }) => result === 0).map(({ ended }) => ended));
    const later = own.filter(({ began }) => began > synced).map(({ text }) => /^\d+/.exec(text)?.[0] ?? '');
    return { firstWrite: Math.min(...own.map(({ began }) => began)), synced, later };
  }

  #firstSync(path: string, after: number): number {
    const sync = this.calls.find(
      (call) => isSync(call) && target(call) === path && call.began > after && call.result === 0,
    );
    return sync?.ended ?? Infinity;
  }
}

/** Whether each write through a descriptor is on the disk when it returns. */
async function writesSynced(pid: number, descriptor: string): Promise<boolean> {
  const info = await readFile(`/proc/${pid}/fdinfo/${descriptor}`, 'utf8');
  return (Number.parseInt(/flags:\s+(\d+)/.exec(info)?.[1] ?? '0', 8) & constants.O_DSYNC) !== 0;
}

describe('a trace', () => {
  it('is read call by call, also where threads interrupt each other', () => {
    const lines = [
      '10 openat(AT_FDCWD, "/d/x", O_WRONLY|O_CREAT, 0600) = 7</d/x>',
      '11 fdatasync(8</i/data.mdb> <unfinished ...>',
      '10 write(9<TCP:[a->b]>, "HTTP/1.1 200 OK", 15) = 15',
      '11 <... fdatasync resumed>) = 0',
      '12 fsync(8</i>) = -1 EIO (Input/output error)',
    ];
    expect(parseTrace(lines.join('\n')).map(({ name, began, ended, result }) => [name, began, ended, result])).toEqual([
      ['openat', 0, 0, 7],
      ['write', 2, 2, 15],
      ['fdatasync', 1, 3, 0],
      ['fsync', 4, 4, -1],
    ]);
  });
});

const missing = whyNoTrace();

(missing === undefined ? describe : describe.skip)(
  `what the kernel is asked during an upload${missing === undefined ? '' : ` [skipped: ${missing}]`}`,
  () => {
    let spumoni: RunningSpumoni;
    let client: Client;
    beforeAll(async () => {
      spumoni = await RunningSpumoni.start();
      client = spumoni.client();
      await createBucket(client, BUCKET, { type: 'filesystem', backend: 'local' });
    }, 120_000);
    afterAll(() => spumoni.stop(), 60_000);

    it.each([
      ['1 KiB', 1024],
      ['3 MiB', 3 * 1024 * 1024],
      ['17 MiB', 17 * 1024 * 1024],
    ])(
      'shows %s on the disk, file, directories and index in this order, before the answer (invariant 1)',
      async (name, size) => {
        const [api = 0] = await spumoni.pidsOf('api');
        const body = randomBytes(size);
        const calls = await traceOf(api, async () => {
          await client.expect(200, 'PUT', `/v1/${BUCKET}/${encodeURIComponent(name)}`, { body });
        });
        const upload = new Upload(calls, spumoni.dataDirectory);
        const files = upload.objectEntries.filter(({ name }) => name === 'openat');
        expect(files).not.toEqual([]);
        const filesSynced = Math.max(...files.map((file) => upload.syncedAt(made(file))));
        const entriesSynced = Math.max(...upload.objectEntries.map((entry) => upload.entrySyncedAt(entry)));
        const { firstWrite, synced, later } = upload.index;
        expect(filesSynced).toBeLessThan(firstWrite);
        expect(entriesSynced).toBeLessThan(firstWrite);
        expect(firstWrite).toBeLessThan(synced);
        expect(synced).toBeLessThan(upload.answer.began);
        // The page that makes an index's commit valid comes after the sync of what it names.
        for (const descriptor of later) expect(await writesSynced(api, descriptor)).toBe(true);
      },
      60_000,
    );
  },
);
