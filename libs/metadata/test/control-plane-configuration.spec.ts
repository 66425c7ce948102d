import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  ConfigurationCache,
  ControlPlaneError,
  type ConfigurationSnapshot,
  type ConfigurationSource,
  type ControlPlane,
} from '../src/control-plane/index.js';
import pg from 'pg';
import { hearLateErrors } from '../src/control-plane/late-errors.js';
import { TestPostgres } from './control-plane-server.js';

const postgres = new TestPostgres();
beforeAll(() => postgres.start());
afterAll(() => postgres.dispose());

/** Polls a condition; the spec's own time limit ends it. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((wake) => setImmediate(wake));
}

const policy = (name: string) => ({ name, description: '', classes: {}, attributes: {}, backends: [] });

/** A store in memory that counts what is asked of it, and whose answers the spec lets out. */
class CountedSource implements ConfigurationSource {
  stored = 1;
  reads = 0;
  loads = 0;
  away = false;
  gate: Promise<void> | undefined;

  async readRevision(): Promise<string> {
    this.reads += 1;
    if (this.away) throw new ControlPlaneError('unavailable', 'away');
    const revision = String(this.stored);
    await this.gate;
    return revision;
  }

  async load(): Promise<ConfigurationSnapshot> {
    this.loads += 1;
    if (this.away) throw new ControlPlaneError('unavailable', 'away');
    const empty = { backends: [], tiers: [], users: [], keys: [], masterKeys: [] };
    const maps = { backendById: new Map(), backendByName: new Map(), userById: new Map(), keyById: new Map() };
    const limits = { bucketLimits: new Map(), userLimits: new Map() };
    return { revision: String(this.stored), ...empty, ...maps, ...limits };
  }
}

describe('the configuration cache', () => {
  function setUp() {
    let at = 0;
    const source = new CountedSource();
    const cache = new ConfigurationCache(source, () => at);
    return { source, cache, pass: (ms: number) => void (at += ms) };
  }

  it('answers without asking for less than a second from the beginning of the last verification', async () => {
    const { source, cache, pass } = setUp();
    const first = await cache.current();
    pass(499);
    expect(cache.currentOrUndefined()).toBe(first);
    expect([source.reads, source.loads]).toEqual([0, 1]);
    source.stored = 2;
    pass(501);
    expect(cache.currentOrUndefined()).toBeUndefined();
    expect((await cache.current()).revision).toBe('2');
  });

  it('only reads the revision while nothing changed', async () => {
    const { source, cache, pass } = setUp();
    const first = await cache.current();
    for (let round = 0; round < 3; round += 1) {
      pass(1_000);
      expect(await cache.current()).toBe(first);
    }
    expect([source.reads, source.loads]).toEqual([3, 1]);
  });

  it('shares one query between callers', async () => {
    const { source, cache } = setUp();
    await Promise.all(Array.from({ length: 50 }, () => cache.current()));
    expect([source.reads, source.loads]).toEqual([0, 1]);
  });

  it('renews behind a busy caller in the second half of the second', async () => {
    const { source, cache, pass } = setUp();
    await cache.current();
    pass(600);
    expect(cache.currentOrUndefined()).toBeDefined();
    await cache.current();
    await until(async () => source.reads === 1);
    pass(600);
    expect(cache.currentOrUndefined()).toBeDefined();
  });

  it('does not give out an answer whose question is a second old', async () => {
    const { source, cache, pass } = setUp();
    await cache.current();
    pass(1_000);
    const gate = Promise.withResolvers<undefined>();
    source.gate = gate.promise.then(() => undefined);
    const asked = cache.current();
    pass(1_000);
    source.stored = 2;
    gate.resolve(undefined);
    expect((await asked).revision).toBe('2');
  });

  it('asks again where no answer came in time, and says unavailable when it never comes', async () => {
    const { source, cache, pass } = setUp();
    await cache.current();
    let silent = 3;
    source.readRevision = async () => {
      source.reads += 1;
      if (silent-- <= 0) return '1';
      pass(1_000);
      throw new ControlPlaneError('unavailable', 'no answer within a second');
    };
    pass(1_000);
    expect((await cache.current()).revision).toBe('1');
    expect(source.reads).toBe(4);
    silent = Infinity;
    pass(1_000);
    await expect(cache.current()).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('never gives out what was asked for before an invalidation', async () => {
    const { source, cache, pass } = setUp();
    await cache.current();
    pass(1_000);
    const gate = Promise.withResolvers<undefined>();
    source.gate = gate.promise.then(() => undefined);
    const before = cache.current();
    source.stored = 2;
    cache.invalidate();
    const after = cache.current();
    gate.resolve(undefined);
    expect((await after).revision).toBe('2');
    await before;
    expect((await cache.current()).revision).toBe('2');
  });

  it('says unavailable while the store is away, and recovers with it', async () => {
    const { source, cache, pass } = setUp();
    await cache.current();
    source.away = true;
    pass(999);
    await cache.current();
    pass(1);
    await expect(cache.current()).rejects.toMatchObject({ kind: 'unavailable' });
    source.away = false;
    expect((await cache.current()).revision).toBe('1');
  });
});

describe('the configuration of a real store', () => {
  it('is at most a second old in another process, and arrives early when announced', async () => {
    const connection = await postgres.freshDatabase();
    let at = 0;
    const clock = { now: () => 1_700_000_000_000, monotonic: () => at };
    const [writer, reader] = [await postgres.open({ connection }), await postgres.open({ connection, clock })];
    expect((await reader.configuration.current()).tiers).toEqual([]);
    await writer.tiers.put(policy('Gold'));
    at += 1_000;
    expect((await reader.configuration.current()).tiers.map((tier) => tier.name)).toEqual(['Gold']);
    // From here on the clock stands still: only the announcement brings the change.
    await writer.tiers.put(policy('Silver'));
    await until(async () => (await reader.configuration.current()).tiers.length === 2);
    const user = await writer.users.create({ name: 'ada', role: 'admin', key: { accessKeyId: 'K', secret: 's' } });
    await until(async () => (await reader.configuration.current()).keyById.has('K'));
    expect((await reader.configuration.current()).userById.get(user.id)).toEqual(user);
  });
});

describe('an outage', () => {
  async function refuses(plane: ControlPlane): Promise<void> {
    expect(await plane.ping()).toBe(false);
    await expect(plane.backends.list({ limit: 1 })).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(plane.tiers.put(policy('Lost'))).rejects.toMatchObject({ kind: 'unavailable' });
    plane.configuration.invalidate();
    await expect(plane.configuration.current()).rejects.toMatchObject({ kind: 'unavailable' });
  }

  it('is said as such, never as absence, and leaves nothing to restart', async () => {
    const connection = await postgres.freshDatabase();
    const trouble: Error[] = [];
    const plane = await postgres.open({ connection, onTrouble: (error) => trouble.push(error) });
    await plane.tiers.put(policy('Gold'));
    for (let round = 0; round < 2; round += 1) {
      await postgres.stop();
      await refuses(plane);
      await postgres.start();
      await until(() => plane.ping());
      expect((await plane.configuration.current()).tiers.map((tier) => tier.name)).toEqual(['Gold']);
      expect(await plane.tiers.find('Lost')).toBeUndefined();
    }
    expect(trouble.length).toBeGreaterThan(0);
    await postgres.stop();
    await expect(postgres.open({ connection })).rejects.toMatchObject({ kind: 'unavailable' });
    await postgres.start();
  });
});

describe('a client of a pool whose query failed', () => {
  it('does not end the process when Postgres ends its connection at that moment', async () => {
    const pool = new pg.Pool({ ...(await postgres.freshDatabase()), max: 1 });
    pool.on('error', () => undefined);
    hearLateErrors(pool);
    const client = await pool.connect();
    client.release(new Error('its query failed'));
    // Without a listener this throws, and from a socket that would be an uncaught exception.
    expect(client.emit('error', new Error('terminating connection due to administrator command'))).toBe(true);
    await pool.end();
  });
});
