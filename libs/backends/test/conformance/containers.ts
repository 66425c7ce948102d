import { expect } from '@jest/globals';
import { bytesOf } from './bytes.js';
import type { ConformanceCase } from './conformance-case.js';
import { failure, PLAIN, Stage } from './stage.js';

export const containerCases: readonly ConformanceCase[] = [
  {
    id: 'containers/create-inspect-list-delete',
    title: 'a container appears where it is made, and is gone once deleted',
    async run(stage) {
      const name = Stage.containerName();
      const { backend } = stage;
      const made = await backend.createContainer(stage.call(), { container: name });
      expect(made).toMatchObject({ name, tokens: stage.tokens });
      expect(await backend.inspectContainer(stage.call(), name)).toMatchObject({ name, tokens: stage.tokens });
      expect((await backend.listContainers(stage.call())).map((info) => info.name)).toContain(name);
      await backend.deleteContainer(stage.call(), name);
      await failure(backend.inspectContainer(stage.call(), name), 'not-found');
      expect((await backend.listContainers(stage.call())).map((info) => info.name)).not.toContain(name);
    },
  },
  {
    id: 'containers/create-twice',
    title: 'a container that exists is not made again',
    async run(stage) {
      await failure(stage.backend.createContainer(stage.call(), { container: stage.container }), 'conflict');
    },
  },
  {
    id: 'containers/illegal-name',
    title: 'a name that no vendor takes is invalid',
    async run(stage) {
      for (const container of ['A', '../x', 'with/slash', ''])
        await failure(stage.backend.createContainer(stage.call(), { container }), 'invalid');
    },
  },
  {
    id: 'containers/delete-non-empty',
    title: 'a container that holds an object is not deleted, and keeps it',
    async run(stage) {
      const container = Stage.containerName();
      await stage.backend.createContainer(stage.call(), { container });
      const body = bytesOf(11, 100);
      const put = { container, key: 'kept', body, size: body.length, attributes: PLAIN };
      const { token } = await stage.backend.put(stage.call(), put);
      await failure(stage.backend.deleteContainer(stage.call(), container), 'conflict');
      const head = await stage.backend.head(stage.call(), { container, key: 'kept', token });
      expect(head.size).toBe(100);
      await stage.removeContainer(container);
    },
  },
  {
    id: 'containers/delete-with-noncurrent',
    title: 'a container is empty only when every write in it has been deleted by token',
    async run(stage) {
      const container = Stage.containerName();
      await stage.backend.createContainer(stage.call(), { container });
      const tokens: string[] = [];
      for (const seed of [12, 13]) {
        const put = { container, key: 'twice', body: bytesOf(seed, 10), size: 10, attributes: PLAIN };
        tokens.push((await stage.backend.put(stage.call(), put)).token);
      }
      const [older = '', newer = ''] = tokens;
      await stage.backend.delete(stage.call(), { container, key: 'twice', token: newer });
      if (stage.coexist) {
        await failure(stage.backend.deleteContainer(stage.call(), container), 'conflict');
        await stage.backend.delete(stage.call(), { container, key: 'twice', token: older });
      }
      await stage.backend.deleteContainer(stage.call(), container);
    },
  },
  {
    id: 'containers/absent',
    title: 'every call on an absent container fails with not-found',
    async run(stage) {
      const container = Stage.containerName();
      const { backend } = stage;
      const body = bytesOf(14, 5);
      await failure(backend.inspectContainer(stage.call(), container), 'not-found');
      await failure(backend.deleteContainer(stage.call(), container), 'not-found');
      await failure(backend.put(stage.call(), { container, key: 'k', body, size: 5, attributes: PLAIN }), 'not-found');
      await failure(backend.get(stage.call(), { container, key: 'k' }), 'not-found');
      await failure(backend.head(stage.call(), { container, key: 'k' }), 'not-found');
      await failure(backend.list(stage.call(), { container, include: 'current', limit: 10 }), 'not-found');
      await failure(backend.list(stage.call(), { container, include: 'everything', limit: 10 }), 'not-found');
    },
  },
  {
    id: 'containers/probe',
    title: 'a probe answers capabilities and leaves no container behind',
    async run(stage) {
      const prefix = 'spumoni-probe';
      const seen = await stage.backend.probe(stage.call(), prefix);
      expect(seen.tokens).toBe(stage.backend.capabilities.tokens);
      const left = (await stage.backend.listContainers(stage.call())).filter((info) => info.name.startsWith(prefix));
      expect(left).toEqual([]);
    },
  },
];
