import {
  createMemoryBackend,
  TOKEN_KINDS,
  type MemoryBackend,
  type ObjectBackend,
  type TokenKind,
} from '#libs/backends';
import { createMemoryIndex, type BucketDocument, type BucketId, type ObjectIndex, type WriteId } from '#libs/metadata';
import type { Vendor } from '#libs/naming';
import { DEFAULT_TIER_POLICIES } from '#libs/tiering';
import { writeMarker } from '../../src/buckets/marker.js';
import { MARKER_KEY, openObject, Sweeper, type Engine, type OperationContext } from '../../src/index.js';
import { examineFreshIds } from '../../src/sweep/fresh-ids.js';
import { dataKeysOf, masterKey } from './data-keys.js';
import { Scheduler } from './scheduler.js';

export const KEY = 'photos/cat.jpg';
export const CONTEXT: OperationContext = { requestId: 'test', actor: { userId: 'u1', isAdmin: true } };

/** Two backends of one token kind, an index, one bucket with a container on each, and a scheduler that owns every point and the clock. */
export interface World {
  readonly engine: Engine;
  readonly index: ObjectIndex;
  readonly backends: Readonly<Record<'m1' | 'm2', MemoryBackend>>;
  readonly scheduler: Scheduler;
  bucket(): Promise<BucketDocument>;
}

export interface WorldOptions {
  readonly tokens: TokenKind;
  /** Where client writes go. */
  readonly home: 'm1' | 'm2';
  /** Which operations of the backends are points, beside the engine's own. */
  readonly gates?: boolean;
  /** Called at every point of every backend call; what it throws, the call throws. */
  readonly fault?: (point: string) => void;
  /** Puts something between the engine and its backends; asked once for each. */
  readonly wrap?: (inner: MemoryBackend) => ObjectBackend;
  /** Default: a vendor of which the token kind is typical. */
  readonly vendor?: { readonly name: Vendor; readonly storageClasses: readonly string[] };
  /** Puts something between the engine and its index. */
  readonly index?: (inner: ObjectIndex) => ObjectIndex;
  /** 0: a sweeper takes every open intent for a dead writer's at once. */
  readonly deadAfterMs?: number;
  /** The bucket asks for sealed objects. */
  readonly encrypted?: true;
}

const BUCKET = 'b1' as BucketId;

/** Each token kind, with plain objects and with sealed ones. */
export const KINDS_OF_WORLDS: readonly (Pick<WorldOptions, 'tokens' | 'encrypted'> & { readonly objects: string })[] =
  TOKEN_KINDS.flatMap((tokens) => [
    { tokens, objects: 'plain' },
    { tokens, objects: 'sealed', encrypted: true as const },
  ]);

export async function makeWorld(options: WorldOptions): Promise<World> {
  const scheduler = new Scheduler();
  const make = (name: string): MemoryBackend =>
    createMemoryBackend({
      name,
      tokens: options.tokens,
      ...(options.vendor ? { vendor: options.vendor.name, storageClasses: options.vendor.storageClasses } : {}),
      gate: (point) => {
        options.fault?.(`${name} ${point.operation}-${point.phase}`);
        return options.gates && point.operation !== 'get' && point.operation !== 'list'
          ? scheduler.reach(`${point.operation}-${point.phase}`)
          : undefined;
      },
      now: () => new Date(scheduler.now),
    });
  const backends = { m1: make('m1'), m2: make('m2') };
  const wrap = options.wrap ?? ((inner: MemoryBackend): ObjectBackend => inner);
  const opened = { m1: wrap(backends.m1), m2: wrap(backends.m2) };
  const inner = createMemoryIndex();
  const index = options.index?.(inner) ?? inner;
  let ids = 0;
  const engine: Engine = {
    index,
    backends: { open: (id) => Promise.resolve(id === 'm1' ? opened.m1 : opened.m2) },
    catalog: { list: () => Promise.resolve([]) },
    buckets: unusedBuckets(),
    policies: () => Promise.resolve(DEFAULT_TIER_POLICIES),
    dataKeys: dataKeysOf(masterKey()),
    clock: {
      now: () => scheduler.now,
      monotonic: () => scheduler.now,
      sleep: (ms) => scheduler.sleep(ms),
      every: () => () => undefined,
    },
    newWriteId: () => `w${++ids}` as WriteId,
    randomHex: (bytes) => 'ab'.repeat(bytes),
    reach: (point) => scheduler.reach(point),
    settings: {
      graceMs: 60_000,
      heartbeatMs: 5_000,
      deadAfterMs: options.deadAfterMs ?? 30_000,
      patienceMs: 20_000,
      markerAgeMs: Infinity,
      deploymentId: 'd1',
    },
  };
  await makeBucket(engine, backends, options);
  return {
    engine,
    index,
    backends,
    scheduler,
    bucket: async () => (await index.getBucket(BUCKET))?.value ?? missing(),
  };
}

function missing(): never {
  throw new Error('the bucket is gone');
}

function unusedBuckets(): Engine['buckets'] {
  return new Proxy({} as Engine['buckets'], {
    get: (_, name) => () => Promise.reject(new Error(`buckets.${String(name)} is not part of this world`)),
  });
}

async function makeBucket(engine: Engine, backends: World['backends'], options: WorldOptions): Promise<void> {
  const call = { requestId: 'setup' };
  const containers = [];
  for (const id of ['m1', 'm2'] as const) {
    await backends[id].createContainer(call, { container: 'box' });
    const marker = await writeMarker(engine, call, backends[id], { backendId: id, container: 'box', bucket: BUCKET });
    containers.push({
      backend: id,
      container: 'box',
      marker,
      ...(options.tokens === 'none' ? { weak: true as const } : {}),
    });
  }
  const bucket: BucketDocument = {
    id: BUCKET,
    name: 'bucket',
    state: 'active',
    ownerId: 'u1',
    createdAt: 0,
    type: 'aws',
    home: options.home,
    ...(options.encrypted ? { encrypted: true as const } : {}),
    containers,
  };
  const made = await engine.index.changeBucket(BUCKET, null, bucket);
  if (made !== 'changed') throw new Error(made);
}

export async function contentOf(
  world: World,
): Promise<{ bytes: string; metadata: Readonly<Record<string, string>>; etag: string } | undefined> {
  const found = await world.index.getKey({ bucket: BUCKET, key: KEY });
  if (!found?.value.current) return undefined;
  const opened = await openObject(world.engine, CONTEXT, { bucket: await world.bucket(), key: KEY });
  const chunks: Uint8Array[] = [];
  for await (const chunk of opened.body) chunks.push(chunk);
  return { bytes: Buffer.concat(chunks).toString(), metadata: opened.record.metadata, etag: opened.record.etag };
}

/** Fails unless the current record names exactly what its backend holds; to be asked before any read, as a read would heal it. */
export async function assertRecordIsTrue(world: World): Promise<void> {
  const placement = (await world.index.getKey({ bucket: BUCKET, key: KEY }))?.value.current?.placement;
  if (!placement) return;
  const backend = world.backends[placement.backend as 'm1'];
  const head = await backend.head(CONTEXT, placement);
  if (head.writeId !== placement.writeId)
    throw new Error(`the record names write ${placement.writeId}, its token gives ${String(head.writeId)}`);
  if (backend.capabilities.tokens === 'version' || backend.capabilities.tokens === 'id') return;
  const standing = await backend.head(CONTEXT, { container: placement.container, key: placement.key });
  if (standing.writeId !== placement.writeId)
    throw new Error(`the record names write ${placement.writeId}, but ${String(standing.writeId)} stands there`);
}

/** The process that made all writes so far has ended. */
export function endProcess(world: World): void {
  world.backends.m1.endProcess();
  world.backends.m2.endProcess();
}

/** Lets the grace pass and the dead be found, and sweeps until nothing is pending. */
export async function settle(world: World): Promise<void> {
  const sweeper = new Sweeper(world.engine);
  const bucket = await world.bucket();
  for (let round = 0; round < 6; round += 1) {
    const report = await sweeper.run(CONTEXT);
    if (report.failures.length > 0 && round === 5) throw new Error(JSON.stringify(report.failures));
    world.scheduler.now += 61_000;
    for (const container of bucket.containers) {
      await examineFreshIds(world.engine, CONTEXT, {
        bucket,
        container,
        backend: world.backends[container.backend as 'm1'],
      });
    }
  }
}

/** Everything the vendors hold besides the markers, and everything still pending: both must be nothing but the current records' bytes. */
export async function leftovers(world: World): Promise<string[]> {
  const documents = (await world.index.scan(BUCKET, { limit: 1000 })).map(({ document }) => document);
  const named = documents.flatMap(({ current }) => (current ? [current.placement] : []));
  const found: string[] = [];
  for (const id of ['m1', 'm2'] as const) {
    const page = await world.backends[id].list(
      { requestId: 'check' },
      { container: 'box', include: 'everything', limit: 1000 },
    );
    for (const entry of page.entries) {
      const isNamed = named.some((one) => one.backend === id && one.key === entry.key && one.token === entry.token);
      if (entry.key !== MARKER_KEY && !isNamed) found.push(`${id}: ${entry.kind} ${entry.key} ${entry.token}`);
    }
  }
  for (const { intents, garbage, lease } of documents) {
    if (intents.length > 0) found.push(`intents: ${intents.map((i) => `${i.kind} ${i.writeId}`).join()}`);
    if (garbage.length > 0) found.push(`garbage: ${garbage.length}`);
    if (lease) found.push('a lease');
  }
  return found;
}
