import {
  createMemoryBackend,
  type MemoryBackend,
  type MemoryGate,
  type ObjectBackend,
  type TokenKind,
} from '#libs/backends';
import {
  ControlPlaneError,
  createMemoryIndex,
  type BucketId,
  type BucketRecord,
  type BucketStore,
  type ObjectIndex,
  type WriteId,
} from '#libs/metadata';
import type { MasterKeys } from '#libs/secrets';
import { DEFAULT_TIER_POLICIES } from '#libs/tiering';
import {
  examineFreshIds,
  Sweeper,
  type Clock,
  type Engine,
  type KnownBackend,
  type OperationContext,
} from '../../src/index.js';
import { dataKeysOf, masterKey } from './data-keys.js';

export const ACTOR: OperationContext = { requestId: 'test', actor: { userId: 'u1', isAdmin: true } };

export interface PlatformOptions {
  /** The backends by id, with the kind of token each gives. */
  readonly tokens: Readonly<Record<string, TokenKind>>;
  readonly reach?: Engine['reach'];
  readonly gate?: MemoryGate;
  readonly sleep?: Clock['sleep'];
  readonly keys?: MasterKeys;
}

export interface Fault {
  readonly operation: string;
  readonly phase: 'before' | 'after';
  readonly error: Error;
  /** What others do at that moment. */
  readonly meanwhile?: () => Promise<void>;
}

/** Backends in memory, an index in memory and a stand-in for the rows of buckets, whose calls are counted and whose next change can be made to fail. */
export interface Platform {
  readonly engine: Engine;
  readonly index: ObjectIndex;
  readonly backends: Readonly<Record<string, MemoryBackend>>;
  readonly known: KnownBackend[];
  readonly rows: Map<BucketId, BucketRecord>;
  readonly time: { now: number };
  /** Every call that reached a vendor, by its name. */
  readonly vendorCalls: string[];
  /** What the next call of this operation of any backend throws, before it does anything or after. */
  fault: Fault | undefined;
}

export function makePlatform(options: PlatformOptions): Platform {
  const time = { now: 1_000_000 };
  const vendorCalls: string[] = [];
  const rows = new Map<BucketId, BucketRecord>();
  const inner = Object.entries(options.tokens).map(([name, tokens]) =>
    createMemoryBackend({
      name,
      tokens,
      now: () => new Date(time.now),
      ...(options.gate ? { gate: options.gate } : {}),
    }),
  );
  const backends = Object.fromEntries(inner.map((backend) => [backend.name, backend]));
  const index = createMemoryIndex();
  const known: KnownBackend[] = inner.map(({ name, type, vendor }) => ({
    id: name,
    name,
    type,
    vendor,
    healthy: true,
    attributes: {},
  }));
  let ids = 0;
  const engine: Engine = {
    index,
    backends: { open: (id) => Promise.resolve(watched(id)) },
    catalog: { list: () => Promise.resolve(known) },
    buckets: bucketRows(rows, () => `b${++ids}` as BucketId),
    policies: () => Promise.resolve(DEFAULT_TIER_POLICIES),
    dataKeys: dataKeysOf(options.keys ?? masterKey()),
    clock: {
      now: () => time.now,
      monotonic: () => time.now,
      sleep: (ms, signal) => {
        time.now += ms;
        return options.sleep?.(ms, signal) ?? Promise.resolve();
      },
      every: () => () => undefined,
    },
    newWriteId: () => `w${++ids}` as WriteId,
    randomHex: (bytes) => (++ids).toString(16).padStart(2 * bytes, '0'),
    reach: (point, about) => options.reach?.(point, about),
    settings: {
      graceMs: 60_000,
      heartbeatMs: 5_000,
      deadAfterMs: 30_000,
      patienceMs: 20_000,
      markerAgeMs: 30_000,
      deploymentId: 'd1',
    },
  };
  const platform: Platform = { engine, index, backends, known, rows, time, vendorCalls, fault: undefined };
  const opened = new Map<MemoryBackend, MemoryBackend>();
  const watched = (id: string): MemoryBackend => {
    const backend = backends[id];
    if (!backend) throw new Error(`no backend ${id}`);
    const one = opened.get(backend) ?? watch(backend, platform);
    opened.set(backend, one);
    return one;
  };
  return platform;
}

function watch(backend: MemoryBackend, platform: Platform): MemoryBackend {
  return new Proxy(backend, {
    get: (target, name: keyof MemoryBackend) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return async (...parameters: readonly unknown[]): Promise<unknown> => {
        platform.vendorCalls.push(name);
        await strike(platform, name, 'before');
        const answer: unknown = await Reflect.apply(value, target, parameters);
        await strike(platform, name, 'after');
        return answer;
      };
    },
  });
}

async function strike(platform: Platform, operation: string, phase: 'before' | 'after'): Promise<void> {
  const { fault } = platform;
  if (fault?.operation !== operation || fault.phase !== phase) return;
  platform.fault = undefined;
  await fault.meanwhile?.();
  throw fault.error;
}

function bucketRows(rows: Map<BucketId, BucketRecord>, newId: () => BucketId): BucketStore {
  const byName = (name: string): BucketRecord | undefined => [...rows.values()].find((row) => row.name === name);
  const gone = (what: string): ControlPlaneError => new ControlPlaneError('not-found', `no bucket ${what}`);
  return {
    create: async (bucket) => {
      await Promise.resolve();
      if (byName(bucket.name)) throw new ControlPlaneError('exists', `bucket ${bucket.name} exists`);
      const row = { ...bucket, id: bucket.id ?? newId(), createdAt: 0 };
      rows.set(row.id, row);
      return row;
    },
    get: async (name) => {
      await Promise.resolve();
      const row = byName(name);
      if (!row) throw gone(name);
      return row;
    },
    find: (name) => Promise.resolve(byName(name)),
    findById: (id) => Promise.resolve(rows.get(id)),
    update: async (id, { state, backendId }) => {
      await Promise.resolve();
      const row = rows.get(id);
      if (!row) throw gone(id);
      const next = { ...row, ...(state ? { state } : {}), ...(backendId === undefined ? {} : { backendId }) };
      rows.set(id, next);
      return next;
    },
    delete: async (id) => {
      await Promise.resolve();
      if (!rows.delete(id)) throw gone(id);
    },
    list: ({ backendId }) =>
      Promise.resolve({
        items: [...rows.values()].filter((row) => backendId === undefined || row.backendId === backendId),
      }),
  };
}

/** All that vendors hold, markers included, as `backend/container/key`, and the containers themselves as `backend/container/`. */
export async function holdings({ backends }: Platform): Promise<string[]> {
  const found: string[] = [];
  for (const backend of Object.values(backends)) {
    for (const { name } of await backend.listContainers(ACTOR)) {
      found.push(`${backend.name}/${name}/`);
      const page = await backend.list(ACTOR, { container: name, include: 'everything', limit: 1000 });
      found.push(...page.entries.map((entry) => `${backend.name}/${name}/${entry.key}`));
    }
  }
  return found.sort();
}

/** Lets the grace pass and the dead be found, and sweeps until nothing changes any more. Answers the failures of the last round. */
export async function sweepAll({ engine, backends, index, time }: Platform, id: BucketId): Promise<readonly unknown[]> {
  const sweeper = new Sweeper(engine);
  let failures: readonly unknown[] = [];
  for (let round = 0; round < 5; round += 1) {
    ({ failures } = await sweeper.run(ACTOR));
    time.now += 61_000;
    const bucket = (await index.getBucket(id))?.value;
    for (const container of bucket?.containers ?? []) {
      const backend = backends[container.backend];
      if (bucket && backend && container.marker !== '')
        await examineFreshIds(engine, ACTOR, { bucket, container, backend });
    }
  }
  return failures;
}

/** The same on other backends, by id: real servers. Only the index, the rows and time are stand-ins. */
export function platformOn(others: Readonly<Record<string, ObjectBackend>>): Platform {
  const platform = makePlatform({ tokens: {} });
  for (const [id, { type, vendor }] of Object.entries(others))
    platform.known.push({ id, name: id, type, vendor, healthy: true, attributes: {} });
  const open = async (id: string): Promise<ObjectBackend> => {
    const backend = others[id];
    if (!backend) throw new Error(`no backend ${id}`);
    return Promise.resolve(backend);
  };
  Object.assign(platform.engine.backends, { open });
  return platform;
}
