import { createHash } from 'node:crypto';
import { BackendError, createMemoryBackend, type ListPage, type MemoryBackend, type ObjectHead } from '#libs/backends';

const PAGE = 1_000;

/** A backend with one container of so many objects that are nowhere: each is made up when it is asked for. What is written there is kept as by the backend in memory, so the marker can be. */
export function makeEndless(container: string, objects: number): MemoryBackend {
  const inner = createMemoryBackend({ name: 'm1', tokens: 'version' });
  const keyOf = (at: number): string => `folder-${String(at % 10)}/${String(at).padStart(9, '0')}`;
  // In the order of keys: all of folder 0, then all of folder 1, and so on.
  const perFolder = objects / 10;
  const nth = (at: number): string => keyOf((at % perFolder) * 10 + Math.floor(at / perFolder));
  const entryOf = (key: string) => {
    const vendorEtag = createHash('md5').update(key).digest('hex');
    return {
      key,
      token: `v-${vendorEtag}`,
      size: key.length,
      vendorEtag,
      storageClass: 'STANDARD',
      lastModified: new Date(0),
    };
  };
  const list = (cursor: string | undefined): ListPage => {
    const from = cursor === undefined ? 0 : Number(cursor);
    const count = Math.min(PAGE, objects - from);
    const entries = Array.from({ length: count }, (_, i) => ({ kind: 'object' as const, ...entryOf(nth(from + i)) }));
    return from + count < objects ? { entries, cursor: String(from + count) } : { entries };
  };
  const head = (key: string): ObjectHead => {
    if (!key.startsWith('folder-')) throw new BackendError('not-found', 'no such object');
    const entry = entryOf(key);
    return {
      ...entry,
      container,
      md5: entry.vendorEtag,
      headers: { contentType: 'text/plain' },
      metadata: {},
      tags: {},
    };
  };
  return new Proxy(inner, {
    get: (target, name: keyof MemoryBackend) => {
      if (name === 'list')
        return (_call: unknown, request: { cursor?: string }): Promise<ListPage> =>
          Promise.resolve(list(request.cursor));
      if (name === 'head') return async (_call: unknown, { key }: { key: string }) => Promise.resolve(head(key));
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value as (...all: unknown[]) => unknown).bind(target) : value;
    },
  });
}
