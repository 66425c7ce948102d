import { describe, expect, it } from '@jest/globals';
import { BackendError, createMemoryBackend } from '../src/index.js';
import type { BackendErrorKind, MemoryBackend } from '../src/index.js';
import { probe } from '../src/gcs/probe.js';
import { failure } from './conformance/stage.js';

const call = { requestId: 'test' };
const PREFIX = 'spumoni-probe';

/** A backend of GCS's kind, with some of its calls done otherwise. */
function endpoint(otherwise: (standing: MemoryBackend) => Partial<MemoryBackend>): MemoryBackend {
  const standing = createMemoryBackend({ name: 'gcs', tokens: 'generation' });
  const calls = otherwise(standing);
  return new Proxy(standing, {
    get: (target, name): unknown => {
      const owner = name in calls ? calls : target;
      const value: unknown = Reflect.get(owner, name);
      return typeof value === 'function' ? (...given: unknown[]): unknown => Reflect.apply(value, owner, given) : value;
    },
  });
}

const fails = (kind: BackendErrorKind) => () => Promise.reject(new BackendError(kind, `the endpoint says ${kind}`));

describe('the probe of a GCS backend', () => {
  it('finds what is promised, and leaves nothing', async () => {
    const backend = endpoint(() => ({}));
    expect(await probe(backend, call, PREFIX)).toEqual(backend.capabilities);
    expect(await backend.listContainers(call)).toEqual([]);
  });

  it('sees conditions that are ignored', async () => {
    const backend = endpoint((standing) => ({
      put: (at, { container, key, body, attributes }) => standing.put(at, { container, key, body, attributes }),
    }));
    expect(await probe(backend, call, PREFIX)).toMatchObject({
      writeIfAbsent: false,
      writeIfToken: false,
      deleteByToken: true,
    });
    expect(await backend.listContainers(call)).toEqual([]);
  });

  it('sees a delete that removes what stands, whatever generation it names', async () => {
    const backend = endpoint((standing) => ({
      delete: async (at, { container, key }) => {
        const page = await standing.list(at, { container, prefix: key, include: 'current', limit: 1 });
        const [entry] = page.entries;
        return entry ? standing.delete(at, { container, key, token: entry.token }) : 'absent';
      },
    }));
    expect(await probe(backend, call, PREFIX)).toMatchObject({ writeIfAbsent: true, deleteByToken: false });
    expect(await backend.listContainers(call)).toEqual([]);
  });

  it('sees classes that are ignored or refused, and copies that are not done', async () => {
    const backend = endpoint((standing) => ({
      capabilities: { ...standing.capabilities, storageClasses: ['STANDARD', 'NEARLINE', 'COLDLINE', 'ARCHIVE'] },
      put: async (at, request) => {
        const { storageClass } = request.attributes;
        if (storageClass === 'ARCHIVE') throw new BackendError('invalid', 'no such class here');
        const written = await standing.put(at, {
          ...request,
          attributes: { ...request.attributes, storageClass: 'STANDARD' },
        });
        return { ...written, storageClass: storageClass === 'COLDLINE' ? 'COLDLINE' : 'STANDARD' };
      },
      copy: fails('unsupported'),
    }));
    const seen = await probe(backend, call, PREFIX);
    expect(seen).toMatchObject({ storageClasses: ['STANDARD', 'COLDLINE'], serverSideCopy: false });
    expect(await backend.listContainers(call)).toEqual([]);
  });

  const meanings: [BackendErrorKind, BackendErrorKind][] = [
    ['denied', 'denied'],
    ['unavailable', 'unavailable'],
    ['timeout', 'unavailable'],
    ['throttled', 'unavailable'],
    ['not-found', 'invalid'],
    ['invalid', 'invalid'],
  ];
  it.each(meanings)('says %s of an endpoint as %s, with a reason, and cleans up', async (kind, meaning) => {
    for (const failing of ['createContainer', 'put', 'head', 'copy'] as const) {
      const backend = endpoint(() => ({ [failing]: fails(kind) }));
      const refused = await failure(probe(backend, call, PREFIX), meaning);
      expect(refused.message).toContain(`backend gcs cannot be used: the endpoint says ${kind}`);
      expect(await backend.listContainers(call)).toEqual([]);
    }
  });

  it('names the container that it could not remove', async () => {
    const backend = endpoint(() => ({ deleteContainer: fails('denied') }));
    await failure(probe(backend, call, PREFIX), 'denied');
    const both = endpoint(() => ({ head: fails('unavailable'), deleteContainer: fails('denied') }));
    expect((await failure(probe(both, call, PREFIX), 'unavailable')).message).toMatch(
      /container spumoni-probe-[0-9a-f]{12} may be left/,
    );
  });
});
