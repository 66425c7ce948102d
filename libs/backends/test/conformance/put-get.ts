import { expect } from '@jest/globals';
import { bytesOf, collect, digestOf } from './bytes.js';
import type { ConformanceCase } from './conformance-case.js';
import { failure, type Stage } from './stage.js';

async function roundTrip(stage: Stage, size: number): Promise<void> {
  const key = stage.key(`size-${size}`);
  const body = bytesOf(size + 1, size);
  const { md5 } = await digestOf([body]);
  const written = await stage.put(key, body);
  expect(written.size).toBe(size);
  if (written.md5 !== undefined) expect(written.md5).toBe(md5);
  const { head, bytes } = await stage.read(key, written.token);
  expect(bytes.equals(body)).toBe(true);
  expect(head).toMatchObject({ key, container: stage.container, size, token: written.token });
  if (head.md5 !== undefined) expect(head.md5).toBe(md5);
  const asked = await stage.head(key, written.token);
  expect(asked).toMatchObject({ key, size, token: written.token, vendorEtag: written.vendorEtag });
  expect(asked.storageClass).toBe(written.storageClass);
  if (asked.md5 !== undefined) expect(asked.md5).toBe(md5);
  const age = Date.now() - asked.lastModified.getTime();
  expect(Math.abs(age)).toBeLessThan(60 * 60 * 1000);
}

const sizeCases = [0, 1, 1024, 65_536, 65_537, 5 * 1024 * 1024 + 1].map((size): ConformanceCase => ({
  id: `put/size-${size}`,
  title: `${size} bytes come back as they were sent`,
  run: (stage) => roundTrip(stage, size),
}));

export const putGetCases: readonly ConformanceCase[] = [
  ...sizeCases,
  {
    id: 'put/overwrite',
    title: 'what stands at a key is the newest write',
    async run(stage) {
      const key = stage.key('overwrite');
      await stage.put(key, bytesOf(21, 500));
      const second = await stage.put(key, bytesOf(22, 300));
      const { head, bytes } = await stage.read(key);
      expect(bytes.equals(bytesOf(22, 300))).toBe(true);
      expect(head.token).toBe(second.token);
      expect((await stage.head(key)).token).toBe(second.token);
    },
  },
  {
    id: 'get/absent',
    title: 'an absent key is not-found, with and without a token, for get and head',
    async run(stage) {
      const key = stage.key('absent');
      await failure(stage.read(key), 'not-found');
      await failure(stage.head(key), 'not-found');
      const { token } = await stage.put(key, bytesOf(23, 10));
      expect(await stage.delete(key, token)).toBe('deleted');
      await failure(stage.read(key), 'not-found');
      await failure(stage.head(key), 'not-found');
      await failure(stage.read(key, token), 'not-found', 'precondition');
      await failure(stage.head(key, token), 'not-found', 'precondition');
    },
  },
  {
    id: 'get/transient-chunks',
    title: 'chunks that are used before the next is asked for are right also where buffers are used again',
    async run(stage) {
      const key = stage.key('transient');
      const body = bytesOf(24, 5 * 1024 * 1024 + 1);
      const { token } = await stage.put(key, body);
      const request = { container: stage.container, key, token, transientChunks: true };
      const answer = await stage.backend.get(stage.call(), request);
      expect(await digestOf(answer.body)).toEqual(await digestOf([body]));
    },
  },
  {
    id: 'get/kept-chunks',
    title: 'chunks stay as they were when nothing was promised',
    async run(stage) {
      const key = stage.key('kept');
      const body = bytesOf(25, 5 * 1024 * 1024 + 1);
      const { token } = await stage.put(key, body);
      const answer = await stage.backend.get(stage.call(), { container: stage.container, key, token });
      const chunks: Uint8Array[] = [];
      for await (const chunk of answer.body) chunks.push(chunk);
      expect(Buffer.concat(chunks).equals(body)).toBe(true);
    },
  },
  {
    id: 'get/parallel-reads',
    title: 'many readers of one object each get all of it',
    async run(stage) {
      const key = stage.key('parallel');
      const body = bytesOf(26, 200_000);
      const { token } = await stage.put(key, body);
      const reads = Array.from({ length: 20 }, async () => {
        const answer = await stage.backend.get(stage.call(), { container: stage.container, key, token });
        return (await collect(answer.body)).equals(body);
      });
      expect(await Promise.all(reads)).toEqual(Array.from({ length: 20 }, () => true));
    },
  },
];
