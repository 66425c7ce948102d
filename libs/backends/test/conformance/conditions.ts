import { expect } from '@jest/globals';
import { bytesOf, streamOf } from './bytes.js';
import type { ConformanceCase } from './conformance-case.js';
import { failure } from './stage.js';

export const conditionCases: readonly ConformanceCase[] = [
  {
    id: 'put/if-absent',
    title: 'a create-only write stores once, and changes nothing the second time',
    async run(stage) {
      const key = stage.key('if-absent');
      const condition = { ifAbsent: true } as const;
      const first = bytesOf(51, 100);
      if (!stage.backend.capabilities.writeIfAbsent) {
        await failure(stage.put(key, first, { condition }), 'unsupported');
        await stage.expectNothing(key);
        return;
      }
      const { token } = await stage.put(key, first, { condition });
      await failure(stage.put(key, bytesOf(52, 200), { condition }), 'precondition');
      await stage.expectOnly(key, first);
      expect(await stage.delete(key, token)).toBe('deleted');
      const again = await stage.put(key, bytesOf(53, 10), { condition });
      expect(again.size).toBe(10);
    },
  },
  {
    id: 'put/if-absent-stream',
    title: 'a create-only write of a large stream leaves nothing when it loses',
    timeoutMs: 120_000,
    async run(stage) {
      const { writeIfAbsent, multipart } = stage.backend.capabilities;
      if (!writeIfAbsent || !multipart) return;
      const key = stage.key('if-absent-stream');
      const standing = bytesOf(54, 10);
      await stage.put(key, standing);
      const attempt = stage.put(key, streamOf(55, stage.bigObjectBytes), { condition: { ifAbsent: true } });
      await failure(attempt, 'precondition');
      await stage.expectOnly(key, standing);
    },
  },
  {
    id: 'put/if-absent-race',
    title: 'of many create-only writes at once exactly one succeeds',
    async run(stage) {
      if (!stage.backend.capabilities.writeIfAbsent) return;
      const key = stage.key('if-absent-race');
      const attempts = Array.from({ length: 8 }, (_, seed) =>
        stage.put(key, bytesOf(seed, 100 + seed), { condition: { ifAbsent: true } }),
      );
      const outcomes = await Promise.allSettled(attempts);
      const won = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
      expect(won).toHaveLength(1);
      for (const attempt of attempts) await attempt.catch(async () => failure(attempt, 'precondition', 'conflict'));
      expect((await stage.head(key)).token).toBe(won[0]?.token);
    },
  },
  {
    id: 'put/if-token',
    title: 'a write against a token succeeds only while that write stands',
    async run(stage) {
      const key = stage.key('if-token');
      const first = await stage.put(key, bytesOf(56, 100));
      const condition = { ifToken: first.token };
      if (!stage.backend.capabilities.writeIfToken) {
        await failure(stage.put(key, bytesOf(57, 10), { condition }), 'unsupported');
        expect((await stage.read(key)).bytes.equals(bytesOf(56, 100))).toBe(true);
        return;
      }
      const second = await stage.put(key, bytesOf(58, 90), { condition });
      expect(second.token).not.toBe(first.token);
      await failure(stage.put(key, bytesOf(59, 80), { condition }), 'precondition');
      expect((await stage.read(key)).bytes.equals(bytesOf(58, 90))).toBe(true);
      expect((await stage.head(key)).token).toBe(second.token);
    },
  },
  {
    id: 'put/if-token-absent',
    title: 'a write against a token of a key that is gone fails and stores nothing',
    async run(stage) {
      if (!stage.backend.capabilities.writeIfToken) return;
      const key = stage.key('if-token-absent');
      const { token } = await stage.put(key, bytesOf(60, 100));
      await stage.delete(key, token);
      const attempt = stage.put(key, bytesOf(61, 10), { condition: { ifToken: token } });
      await failure(attempt, 'precondition', 'not-found');
      await stage.expectNothing(key);
    },
  },
];
