import { expect } from '@jest/globals';
import { bytesOf } from './bytes.js';
import type { ConformanceCase } from './conformance-case.js';
import type { Stage } from './stage.js';
import { vendorKey } from './vendor-keys.js';

const utf8Order = (left: string, right: string): number => Buffer.compare(Buffer.from(left), Buffer.from(right));

async function keysUnder(stage: Stage, name: string, tails: readonly string[]): Promise<string[]> {
  const base = stage.key(name);
  const keys = tails.map((tail) => vendorKey(`${base}/${tail}`, stage.backend.vendor));
  for (const [index, key] of keys.entries()) await stage.put(key, bytesOf(index, index));
  return keys;
}

export const listingCases: readonly ConformanceCase[] = [
  {
    id: 'listing/pages',
    title: 'pages of any size show every key once, in UTF-8 byte order',
    timeoutMs: 60_000,
    async run(stage) {
      const keys = await keysUnder(
        stage,
        'pages',
        Array.from({ length: 25 }, (_, n) => `key-${(n * 7) % 25}`),
      );
      const prefix = (keys[0] ?? '').replace(/key-0$/, '');
      for (const limit of [1, 7, 25, 1000]) {
        const listed = await stage.list('current', prefix, limit);
        expect(listed.map((entry) => entry.key)).toEqual([...keys].sort(utf8Order));
        expect(listed.every((entry) => entry.kind === 'object')).toBe(true);
      }
    },
  },
  {
    id: 'listing/order',
    title: 'order is that of UTF-8 bytes, not of UTF-16 units or of a language',
    async run(stage) {
      const tails = ['B', 'a', 'Z', 'é', 'e', '～', '😀', '0', '~', 'a/b', 'a-b', 'a.b', 'ａ', '\u{10348}'];
      const keys = await keysUnder(stage, 'order', tails);
      const base = (keys[0] ?? '').slice(0, -1);
      expect((await stage.list('current', base, 3)).map((entry) => entry.key)).toEqual([...keys].sort(utf8Order));
    },
  },
  {
    id: 'listing/prefix',
    title: 'a prefix shows exactly the keys that begin with it',
    async run(stage) {
      const keys = await keysUnder(stage, 'prefix', ['a', 'a/0', 'a/1', 'aa', 'b']);
      const base = (keys[0] ?? '').slice(0, -1);
      expect((await stage.list('current', `${base}a/`)).map((entry) => entry.key)).toEqual([
        `${base}a/0`,
        `${base}a/1`,
      ]);
      expect(await stage.list('current', `${base}none`)).toEqual([]);
    },
  },
  {
    id: 'listing/entry',
    title: 'an entry tells size, token and time of the write that stands',
    async run(stage) {
      const key = stage.key('entry');
      await stage.put(key, bytesOf(91, 5));
      const written = await stage.put(key, bytesOf(92, 321));
      const [entry, ...rest] = await stage.list('current', key);
      expect(rest).toEqual([]);
      expect(entry).toMatchObject({ kind: 'object', key, size: 321 });
      const [full] = (await stage.list('everything', key)).filter(({ kind }) => kind === 'object');
      expect(full).toMatchObject({ key, size: 321, token: written.token });
    },
  },
  {
    id: 'listing/everything',
    title: 'everything shows each write that still holds bytes, by its token',
    async run(stage) {
      const key = stage.key('everything');
      const tokens: string[] = [];
      for (const seed of [93, 94, 95]) tokens.push((await stage.put(key, bytesOf(seed, seed))).token);
      for (const limit of [1, 2, 1000]) {
        const listed = await stage.list('everything', key, limit);
        const shown = listed.map(({ kind, token }) => ({ kind, token }));
        const [oldest, middle, newest] = tokens;
        const noncurrent = [middle, oldest].map((token) => ({ kind: 'noncurrent', token }));
        expect(shown).toEqual([{ kind: 'object', token: newest }, ...(stage.coexist ? noncurrent : [])]);
      }
      expect(await stage.list('current', key)).toHaveLength(1);
    },
  },
  {
    id: 'listing/uploads',
    title: 'an unfinished upload shows in everything alone, and can be forgotten',
    async run(stage) {
      const key = stage.key('upload');
      await stage.harness.leaveUpload?.(stage.backend, stage.container, key);
      expect(await stage.list('current', key)).toEqual([]);
      const [upload, ...rest] = await stage.list('everything', key);
      expect(rest).toEqual([]);
      expect(upload).toMatchObject({ kind: 'upload', key });
      const { token = '' } = upload ?? {};
      await stage.backend.abortUpload?.(stage.call(), stage.container, { key, token });
      await stage.expectNothing(key);
    },
  },
];
