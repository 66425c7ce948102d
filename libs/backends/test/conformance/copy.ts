import { expect } from '@jest/globals';
import type { CopyRequest, WriteResult } from '../../src/index.js';
import { expectAttributes, RICH } from './attributes.js';
import { bytesOf, collect, digestOf } from './bytes.js';
import type { ConformanceCase } from './conformance-case.js';
import { failure, PLAIN, Stage } from './stage.js';

async function copy(
  stage: Stage,
  from: { key: string; token: string },
  key: string,
  extra: Partial<CopyRequest> = {},
): Promise<WriteResult> {
  const source = { container: stage.container, ...from };
  const request = { source, container: stage.container, key, attributes: PLAIN, ...extra };
  return await stage.backend.copy(stage.call(), request);
}

export const copyCases: readonly ConformanceCase[] = [
  {
    id: 'copy/attributes',
    title: 'a copy has the bytes of its source and attributes of its own',
    async run(stage) {
      const [key, target] = [stage.key('copy-source'), stage.key('copy-target')];
      const body = bytesOf(101, 1000);
      const { token } = await stage.put(key, body, { attributes: RICH });
      if (!stage.backend.capabilities.serverSideCopy) {
        await failure(copy(stage, { key, token }, target), 'unsupported');
        await stage.expectNothing(target);
        return;
      }
      const bare = await copy(stage, { key, token }, target);
      expect(bare.size).toBe(1000);
      expect((await stage.read(target, bare.token)).bytes.equals(body)).toBe(true);
      expectAttributes(await stage.head(target, bare.token), PLAIN);
      const other = { ...RICH, metadata: { only: 'this' }, tags: {}, writeId: 'copy-2' };
      const rich = await copy(stage, { key, token }, target, { attributes: other });
      expectAttributes(await stage.head(target, rich.token), other);
      expectAttributes(await stage.head(key, token), RICH);
    },
  },
  {
    id: 'copy/container',
    title: 'a copy goes to another container',
    async run(stage) {
      if (!stage.backend.capabilities.serverSideCopy) return;
      const container = Stage.containerName();
      await stage.backend.createContainer(stage.call(), { container });
      const key = stage.key('copy-container');
      const { token } = await stage.put(key, bytesOf(102, 70_000));
      const copied = await copy(stage, { key, token }, 'there', { container });
      const answer = await stage.backend.get(stage.call(), { container, key: 'there', token: copied.token });
      expect((await collect(answer.body)).equals(bytesOf(102, 70_000))).toBe(true);
      await stage.removeContainer(container);
    },
  },
  {
    id: 'copy/big',
    title: 'a large object is copied whole',
    timeoutMs: 120_000,
    async run(stage) {
      if (!stage.backend.capabilities.serverSideCopy) return;
      const [key, target] = [stage.key('copy-big'), stage.key('copy-big-target')];
      const body = bytesOf(103, stage.bigObjectBytes);
      const { token } = await stage.put(key, body);
      const copied = await copy(stage, { key, token }, target);
      const request = { container: stage.container, key: target, token: copied.token };
      const answer = await stage.backend.get(stage.call(), request);
      expect(await digestOf(answer.body)).toEqual(await digestOf([body]));
    },
  },
  {
    id: 'copy/old-write',
    title: 'the source token names which write is copied',
    async run(stage) {
      if (!stage.backend.capabilities.serverSideCopy) return;
      const [key, target] = [stage.key('copy-old'), stage.key('copy-old-target')];
      const old = await stage.put(key, bytesOf(104, 64));
      await stage.put(key, bytesOf(105, 64));
      if (stage.coexist) {
        await copy(stage, { key, token: old.token }, target);
        await stage.expectOnly(target, bytesOf(104, 64));
        return;
      }
      await failure(copy(stage, { key, token: old.token }, target), 'precondition', 'not-found');
      await stage.expectNothing(target);
    },
  },
  {
    id: 'copy/absent',
    title: 'a source that is gone is not copied',
    async run(stage) {
      if (!stage.backend.capabilities.serverSideCopy) return;
      const [key, target] = [stage.key('copy-absent'), stage.key('copy-absent-target')];
      const { token } = await stage.put(key, bytesOf(106, 64));
      await stage.delete(key, token);
      await failure(copy(stage, { key, token }, target), 'not-found', 'precondition');
      await stage.expectNothing(target);
    },
  },
  {
    id: 'copy/if-absent',
    title: 'a create-only copy changes nothing where something stands',
    async run(stage) {
      const { serverSideCopy, writeIfAbsent } = stage.backend.capabilities;
      if (!serverSideCopy) return;
      const [key, target] = [stage.key('copy-if'), stage.key('copy-if-target')];
      const condition = { ifAbsent: true } as const;
      const { token } = await stage.put(key, bytesOf(107, 64));
      const standing = bytesOf(108, 30);
      await stage.put(target, standing);
      const attempt = copy(stage, { key, token }, target, { condition });
      await failure(attempt, writeIfAbsent ? 'precondition' : 'unsupported');
      await stage.expectOnly(target, standing);
      if (writeIfAbsent) await copy(stage, { key, token }, stage.key('copy-if-free'), { condition });
    },
  },
];
