import type { ListedEntry, ObjectBackend } from '#libs/backends';
import { createLmdbIndex, type BucketContainer, type BucketDocument, type ObjectIndex } from '#libs/metadata';
import { join } from 'node:path';

/** A registered backend, opened by the test itself: what it shows is what is there, whatever the product believes. */
export interface Site {
  readonly id: string;
  readonly backend: ObjectBackend;
}

/** Opens the product's own index, to be looked at and closed again. */
export type OpenIndex = () => Promise<ObjectIndex>;

/** The index that lies in a data directory. */
export function lmdbIn(dataDirectory: string): OpenIndex {
  return () => createLmdbIndex({ path: join(dataDirectory, 'index') });
}

const MARKER = '.spumoni/container.json';
const call = { requestId: 'crash-test' };

/** Everything that is there and that no record names, that a record names and that is not there, and all unfinished business of the index; each in words. */
export async function leftovers(openIndex: OpenIndex, sites: readonly Site[]): Promise<string[]> {
  const index = await openIndex();
  try {
    const buckets = await index.listBuckets({ limit: 1000 });
    const found: string[] = [];
    for (const { name, state } of buckets) if (state !== 'active') found.push(`bucket ${name} is ${state}`);
    for (const { key, value } of await index.listPending({ limit: 1000 }))
      found.push(`${key}: ${value.intents.length} intents, ${value.garbage.length} pieces of garbage`);
    for (const site of sites) found.push(...(await leftAt(index, buckets, site)));
    return found;
  } finally {
    await index.close();
  }
}

async function leftAt(index: ObjectIndex, buckets: readonly BucketDocument[], site: Site): Promise<string[]> {
  const { name } = site.backend;
  const containers = buckets.flatMap((bucket) =>
    bucket.containers.filter(({ backend }) => backend === site.id).map((container) => ({ bucket, container })),
  );
  const expected = containers.map(({ container }) => container.container);
  const actual = (await site.backend.listContainers(call)).map((container) => container.name);
  const found = differences(expected, actual).map((difference) => `${name}: container ${difference}`);
  for (const at of containers) {
    if (at.container.retiring) found.push(`${name}: container ${at.container.container} is still retiring`);
    if (!actual.includes(at.container.container)) continue;
    const named = [`object ${MARKER} ${at.container.marker}`, ...(await namedIn(index, at))];
    const there = (await everythingIn(site.backend, at.container.container)).map(
      // A version that is not the newest of its key has no business to be here: nothing but current objects is kept.
      ({ kind, key, token }) => `${kind} ${key} ${token}`,
    );
    found.push(...differences(named, there).map((one) => `${name}/${at.container.container}: ${one}`));
  }
  return found;
}

function differences(expected: readonly string[], actual: readonly string[]): string[] {
  const missing = expected.filter((one) => !actual.includes(one)).map((one) => `is not there: ${one}`);
  return [...missing, ...actual.filter((one) => !expected.includes(one)).map((one) => `of nobody: ${one}`)];
}

async function namedIn(
  index: ObjectIndex,
  { bucket, container }: { bucket: BucketDocument; container: BucketContainer },
): Promise<string[]> {
  const named: string[] = [];
  for (let after: string | undefined; ;) {
    const page = await index.scan(bucket.id, { limit: 500, ...(after === undefined ? {} : { after }) });
    for (const { document } of page) {
      const { placement } = document.current ?? {};
      if (placement?.backend === container.backend && placement.container === container.container)
        named.push(`object ${placement.key} ${placement.token}`);
    }
    after = page.at(-1)?.key;
    if (after === undefined || page.length < 500) return named;
  }
}

async function everythingIn(backend: ObjectBackend, container: string): Promise<ListedEntry[]> {
  const entries: ListedEntry[] = [];
  for (let cursor: string | undefined; ;) {
    const request = { container, include: 'everything' as const, limit: 500 };
    const page = await backend.list(call, cursor === undefined ? request : { ...request, cursor });
    entries.push(...page.entries);
    cursor = page.cursor;
    if (cursor === undefined) return entries;
  }
}
