import { expect } from '@jest/globals';
import { expectAttributes, RICH } from './attributes.js';
import { bytesOf } from './bytes.js';
import type { ConformanceCase } from './conformance-case.js';
import { failure, PLAIN } from './stage.js';

export const restampCases: readonly ConformanceCase[] = [
  {
    id: 'restamp/attributes',
    title: 'a restamp changes attributes and no byte, under the token it answers',
    async run(stage) {
      const key = stage.key('restamp');
      const body = bytesOf(111, 5000);
      const before = await stage.put(key, body, { attributes: { ...PLAIN, metadata: { old: '1' }, writeId: 'first' } });
      const ref = { container: stage.container, key, token: before.token };
      const after = await stage.backend.restamp(stage.call(), ref, RICH);
      expect(after.size).toBe(5000);
      const { head, bytes } = await stage.read(key, after.token);
      expect(bytes.equals(body)).toBe(true);
      expectAttributes(head, RICH);
      expectAttributes(await stage.head(key), RICH);
      if (stage.tokens === 'none' || after.token === before.token) return;
      if (stage.coexist) {
        expectAttributes(await stage.head(key, before.token), { ...PLAIN, metadata: { old: '1' }, writeId: 'first' });
        expect(await stage.delete(key, before.token)).toBe('deleted');
      } else {
        await failure(stage.read(key, before.token), 'not-found', 'precondition');
        expect(await stage.delete(key, before.token)).toBe('absent');
      }
      await stage.expectOnly(key, body);
    },
  },
  {
    id: 'restamp/gone',
    title: 'a write that stands no more is not restamped',
    async run(stage) {
      const key = stage.key('restamp-gone');
      const { token } = await stage.put(key, bytesOf(112, 50));
      await stage.delete(key, token);
      const ref = { container: stage.container, key, token };
      await failure(stage.backend.restamp(stage.call(), ref, RICH), 'not-found', 'precondition');
      await stage.expectNothing(key);
    },
  },
  {
    id: 'restamp/superseded',
    title: 'a restamp never touches another write than the one it names',
    async run(stage) {
      if (stage.coexist) return;
      const key = stage.key('restamp-superseded');
      const old = await stage.put(key, bytesOf(113, 50));
      const now = await stage.put(key, bytesOf(114, 51));
      const ref = { container: stage.container, key, token: old.token };
      await failure(stage.backend.restamp(stage.call(), ref, RICH), 'not-found', 'precondition');
      expectAttributes(await stage.head(key, now.token), PLAIN);
    },
  },
];
