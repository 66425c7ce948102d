import { expect } from '@jest/globals';
import type { FreshIds } from '../../src/index.js';
import { bytesOf } from './bytes.js';
import type { ConformanceCase } from './conformance-case.js';
import { PLAIN, type Stage } from './stage.js';

/** The keys, with their write ids, that a look after crashes gives for the stage's container. */
async function unsettledKeys(stage: Stage, freshIds: FreshIds): Promise<Map<string, string | undefined>> {
  const found = new Map<string, string | undefined>();
  for await (const { ref, writeId } of freshIds.unsettled(stage.call(), stage.container)) {
    expect(ref.container).toBe(stage.container);
    expect((await stage.head(ref.key, ref.token)).writeId).toBe(writeId);
    found.set(ref.key, writeId);
  }
  return found;
}

async function putStamped(stage: Stage, key: string): Promise<string> {
  return (await stage.put(key, bytesOf(141, 64), { attributes: { ...PLAIN, writeId: `of-${key}` } })).token;
}

export const freshIdCases: readonly ConformanceCase[] = [
  {
    id: 'fresh-ids/where-tokens-are-ids',
    title: 'the sub-port is there where tokens are ids, and nowhere else',
    async run({ backend }) {
      expect(backend.freshIds !== undefined).toBe(backend.capabilities.tokens === 'id');
      await Promise.resolve();
    },
  },
  {
    id: 'fresh-ids/living',
    title: 'no write of a living process is given, settled or not',
    async run(stage) {
      const { freshIds } = stage.backend;
      if (freshIds === undefined) return;
      const settled = stage.key('settled');
      freshIds.settle({ container: stage.container, key: settled, token: await putStamped(stage, settled) });
      const open = stage.key('open');
      await putStamped(stage, open);
      const found = await unsettledKeys(stage, freshIds);
      expect([settled, open].filter((key) => found.has(key))).toEqual([]);
      await freshIds.examined(stage.call(), stage.container);
    },
  },
  {
    id: 'fresh-ids/dead',
    title: 'unsettled writes of a dead process are given until they were examined, and its unfinished ones are removed',
    timeoutMs: 60_000,
    async run(stage) {
      const { freshIds } = stage.backend;
      const { dieWriting } = stage.harness;
      if (freshIds === undefined) return;
      if (dieWriting === undefined) throw new Error('a harness of fresh ids must be able to let a writer die');
      const left = stage.key('left');
      const unfinished = stage.key('unfinished');
      await dieWriting(stage.backend, stage.container, { left, unfinished });
      const live = stage.key('live');
      await putStamped(stage, live);
      const found = await unsettledKeys(stage, freshIds);
      expect(found.get(left)).toBe(`of-${left}`);
      expect(found.has(unfinished) || found.has(live)).toBe(false);
      expect((await stage.list('everything', '')).filter(({ kind }) => kind === 'upload')).toEqual([]);
      expect((await unsettledKeys(stage, freshIds)).has(left)).toBe(true);
      await freshIds.examined(stage.call(), stage.container);
      expect(await unsettledKeys(stage, freshIds)).toEqual(new Map());
      expect((await stage.read(left)).bytes.length).toBeGreaterThan(0);
    },
  },
];
