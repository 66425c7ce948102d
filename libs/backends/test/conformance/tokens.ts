import { expect } from '@jest/globals';
import { bytesOf } from './bytes.js';
import type { ConformanceCase } from './conformance-case.js';
import { failure } from './stage.js';

export const tokenCases: readonly ConformanceCase[] = [
  {
    id: 'tokens/unique',
    title: 'two writes of the same bytes have two tokens',
    async run(stage) {
      const key = stage.key('unique');
      const body = bytesOf(71, 64);
      const first = await stage.put(key, body);
      const second = await stage.put(key, body);
      expect(first.token).not.toBe('');
      if (stage.tokens !== 'none') expect(second.token).not.toBe(first.token);
    },
  },
  {
    id: 'tokens/read-old',
    title: 'a token reads its own write or fails, never another write',
    async run(stage) {
      const key = stage.key('read-old');
      const old = await stage.put(key, bytesOf(72, 64));
      const now = await stage.put(key, bytesOf(73, 64));
      expect((await stage.read(key, now.token)).bytes.equals(bytesOf(73, 64))).toBe(true);
      if (stage.coexist) {
        expect((await stage.read(key, old.token)).bytes.equals(bytesOf(72, 64))).toBe(true);
        expect((await stage.head(key, old.token)).token).toBe(old.token);
      } else {
        await failure(stage.read(key, old.token), 'not-found', 'precondition');
        await failure(stage.head(key, old.token), 'not-found', 'precondition');
      }
    },
  },
  {
    id: 'tokens/delete-newest',
    title: 'deleting the newest write removes it alone, once',
    async run(stage) {
      const key = stage.key('delete-newest');
      const old = await stage.put(key, bytesOf(74, 64));
      const now = await stage.put(key, bytesOf(75, 65));
      expect(await stage.delete(key, now.token)).toBe('deleted');
      expect(await stage.delete(key, now.token)).toBe('absent');
      await failure(stage.read(key, now.token), 'not-found', 'precondition');
      if (!stage.coexist) {
        await stage.expectNothing(key);
        return;
      }
      expect((await stage.read(key, old.token)).bytes.equals(bytesOf(74, 64))).toBe(true);
      expect(await stage.delete(key, old.token)).toBe('deleted');
      await stage.expectNothing(key);
    },
  },
  {
    id: 'tokens/delete-superseded',
    title: 'deleting a superseded write never removes the live bytes',
    async run(stage) {
      const key = stage.key('delete-superseded');
      const old = await stage.put(key, bytesOf(76, 64));
      const now = await stage.put(key, bytesOf(77, 65));
      expect(await stage.delete(key, old.token)).toBe(stage.coexist ? 'deleted' : 'absent');
      expect((await stage.read(key, now.token)).bytes.equals(bytesOf(77, 65))).toBe(true);
      await stage.expectOnly(key, bytesOf(77, 65));
    },
  },
  {
    id: 'tokens/delete-absent',
    title: 'deleting what is not there is absent, and no error',
    async run(stage) {
      const key = stage.key('delete-absent');
      const { token } = await stage.put(key, bytesOf(78, 10));
      await stage.delete(key, token);
      expect(await stage.delete(key, token)).toBe('absent');
      expect(await stage.delete(stage.key('never-there'), token)).toBe('absent');
    },
  },
  {
    id: 'tokens/other-key',
    title: 'a token of one key neither reads nor deletes another key',
    async run(stage) {
      const [one, other] = [stage.key('one'), stage.key('other')];
      const ofOne = await stage.put(one, bytesOf(79, 10));
      await stage.put(other, bytesOf(80, 11));
      await failure(stage.read(other, ofOne.token), 'not-found', 'precondition');
      expect(await stage.delete(other, ofOne.token)).toBe('absent');
      expect((await stage.read(one)).bytes.equals(bytesOf(79, 10))).toBe(true);
      expect((await stage.read(other)).bytes.equals(bytesOf(80, 11))).toBe(true);
    },
  },
];
