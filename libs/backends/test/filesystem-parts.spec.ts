import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { constants } from 'node:os';
import { chunksOfBody } from '../src/filesystem/body.js';
import { DirectorySync } from '../src/filesystem/directory-sync.js';
import { kindOfCode } from '../src/filesystem/errors.js';
import { FileFacts } from '../src/filesystem/file-facts.js';
import { decodeFooter, encodeTail, FOOTER_BYTES } from '../src/filesystem/format.js';
import {
  IdSource,
  isId,
  newSessionId,
  periodStart,
  PERIOD_MS,
  sessionOf,
  SLICE_MS,
  sliceOf,
  sliceStart,
  timeOf,
} from '../src/filesystem/ids.js';
import { compareUtf8 } from '../src/filesystem/utf8-order.js';

/** Errors of sockets, streams and processes, which no call on a file gives. */
const NOT_OF_FILES = new Set(
  (
    'EADDRINUSE EADDRNOTAVAIL EAFNOSUPPORT EALREADY ECHILD EDESTADDRREQ EIDRM EINPROGRESS EISCONN EMSGSIZE ENODATA ' +
    'ENOEXEC ENOMSG ENOPROTOOPT ENOSR ENOSTR ENOTSOCK ENOTTY EPROTO EPROTONOSUPPORT EPROTOTYPE ESRCH'
  ).split(' '),
);

describe('the table of system errors', () => {
  it('gives a meaning to every error that this system knows', () => {
    const missing = Object.keys(constants.errno).filter(
      (code) => kindOfCode(code) === 'unknown' && !NOT_OF_FILES.has(code),
    );
    expect(missing).toEqual([]);
  });

  it.each([
    ['ENOSPC', 'full'],
    ['EDQUOT', 'full'],
    ['EIO', 'unavailable'],
    ['EACCES', 'denied'],
    ['EMFILE', 'throttled'],
    ['ENOENT', 'not-found'],
    ['ENAMETOOLONG', 'invalid'],
  ])('%s is %s', (code, kind) => expect(kindOfCode(code)).toBe(kind));
});

describe('the chunks of a body', () => {
  it.each(['before the first is asked for', 'while the first is awaited'])(
    'end in a failure where the caller gives up %s, though the body hangs',
    async (when) => {
      const caller = new AbortController();
      const hanging = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => undefined) }) };
      const chunks = chunksOfBody('files', { requestId: 'test', signal: caller.signal }, hanging);
      const asked = when.startsWith('while') ? chunks.next() : undefined;
      caller.abort(new Error('gone'));
      await expect(asked ?? chunks.next()).rejects.toMatchObject({ kind: 'timeout' });
    },
  );
});

describe('the file format', () => {
  const strings = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }));
  const trailer = fc.record({
    key: fc.string({ unit: 'grapheme', minLength: 1 }),
    modified: fc.nat(),
    attributes: fc.record({ headers: fc.constant({ contentType: 'a/b' }), metadata: strings, tags: strings }),
  });

  it('reads back what it wrote', () => {
    fc.assert(
      fc.property(trailer, fc.nat(1000), (written, length) => {
        const tail = encodeTail(written, length, 7);
        const footer = decodeFooter(tail, length + tail.length);
        expect(footer).toMatchObject({ bodyLength: length, bodyCrc: 7 });
        const facts = FileFacts.of(tail, length + tail.length);
        expect(facts?.isOurs).toBe(true);
        expect(facts?.isOf(written.key)).toBe(true);
        for (const other of [`${written.key}x`, written.key.slice(1), `${written.key}"`])
          expect(facts?.isOf(other)).toBe(other === written.key);
        expect(facts?.trailer).toEqual({
          ...written,
          attributes: {
            headers: { ...written.attributes.headers },
            metadata: { ...written.attributes.metadata },
            tags: { ...written.attributes.tags },
          },
        });
      }),
    );
  });

  it('takes no file with a changed or missing byte for a finished one', () => {
    fc.assert(
      fc.property(trailer, fc.nat(), fc.integer({ min: 1, max: 255 }), (written, where, change) => {
        const tail = encodeTail(written, 100);
        const size = 100 + tail.length;
        const at = where % tail.length;
        tail[at] = (tail[at] ?? 0) ^ change;
        expect(FileFacts.of(tail, size)).toBeUndefined();
        expect(decodeFooter(tail.subarray(0, tail.length - 1), size - 1)).toBeUndefined();
      }),
    );
    expect(decodeFooter(Buffer.alloc(FOOTER_BYTES), FOOTER_BYTES)).toBeUndefined();
  });
});

describe('ids', () => {
  it('sort by age, also while the clock stands still or goes back', () => {
    const times = [5, 5, 5, 3, 9, 9, 1];
    const ids = new IdSource(() => times.shift() ?? 1);
    const made = Array.from({ length: 50 }, () => ids.next(newSessionId()));
    expect([...made].sort()).toEqual(made);
    expect(made.every(isId)).toBe(true);
  });

  it('go on into the next millisecond when one is full, and never repeat', () => {
    const ids = new IdSource(() => 1_700_000_000_000);
    const session = newSessionId();
    const made = Array.from({ length: 70_000 }, () => ids.next(session));
    expect(new Set(made).size).toBe(70_000);
    expect([...made].sort()).toEqual(made);
    expect(ids.time()).toBeGreaterThan(1_700_000_000_001);
  });

  it('name their session, their time and their directory', () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 47 }), (time) => {
        const session = newSessionId();
        const id = new IdSource(() => time).next(session);
        const { period, slice } = sliceOf(id);
        expect(sessionOf(id)).toBe(session);
        expect(timeOf(id)).toBe(time);
        expect(periodStart(period)).toBe(time - (time % PERIOD_MS));
        expect(sliceStart(period, slice)).toBe(time - (time % SLICE_MS));
      }),
    );
    expect(sliceStart('01jd0', 'ab')).toBeUndefined();
    expect(periodStart('.bad')).toBeUndefined();
  });

  it('share the directory of a slice of time, but no more than 32,768 of a process', () => {
    let time = 1_700_000_000_000 - (1_700_000_000_000 % SLICE_MS);
    const ids = new IdSource(() => time);
    const counts = new Map<string, number>();
    for (let made = 0; made < 100_000; made++) {
      if (made % 10 === 0) time++;
      const { period, slice } = sliceOf(ids.next('0'.repeat(12)));
      counts.set(period + slice, (counts.get(period + slice) ?? 0) + 1);
    }
    expect([...counts.values()]).toEqual([32_768, 32_768, 32_768, 1_696]);
  });
});

describe('compareUtf8', () => {
  it('orders as the bytes do', () => {
    const text = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(text, text, (left, right) => {
        const bytes = Buffer.compare(Buffer.from(left), Buffer.from(right));
        expect(Math.sign(compareUtf8(left, right))).toBe(bytes);
      }),
    );
  });
});

describe('DirectorySync', () => {
  it('lets those who ask during a sync share the next one', async () => {
    const runs: (() => void)[] = [];
    const sync = new DirectorySync(() => new Promise((resolve) => runs.push(resolve)));
    const first = sync.sync('/a');
    const waiting = Promise.all(Array.from({ length: 31 }, () => sync.sync('/a')));
    expect(runs).toHaveLength(1);
    runs[0]?.();
    await first;
    while (runs.length < 2) await new Promise(setImmediate);
    runs[1]?.();
    await waiting;
    expect(runs).toHaveLength(2);
  });

  it('tells its failure to those who waited for that sync, and works again after it', async () => {
    let fails = true;
    const sync = new DirectorySync(() => (fails ? Promise.reject(new Error('EIO')) : Promise.resolve()));
    await expect(sync.sync('/a')).rejects.toThrow('EIO');
    fails = false;
    await sync.sync('/a');
  });
});
