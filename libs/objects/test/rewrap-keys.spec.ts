import { beforeEach, describe, expect, it } from '@jest/globals';
import { TOKEN_KINDS } from '#libs/backends';
import type { BucketDocument } from '#libs/metadata';
import { KeyRing, wrappingKeyIdOf } from '#libs/secrets';
import { putObject, rewrapKeys, type Counts, type JobEnd, type Report } from '../src/index.js';
import { dataKeysOf, masterKey } from './simulation/data-keys.js';
import { ACTOR, sweepAll } from './simulation/platform.js';
import { SealedObjects, someBytes } from './simulation/sealed-objects.js';

const OLD = masterKey(1);
const NEW = masterKey(2);

describe.each(TOKEN_KINDS)('a rotation of the master key, objects on a backend whose tokens are %s', (tokens) => {
  let current: string;
  let at: SealedObjects;
  let buckets: BucketDocument[];
  const contents = new Map<string, Buffer>();
  beforeEach(async () => {
    current = OLD.id;
    at = new SealedObjects(tokens, { keys: new KeyRing([OLD, NEW], () => current) });
    buckets = [
      await at.makeBucket('first', true),
      await at.makeBucket('open', false),
      await at.makeBucket('third', true),
    ];
    contents.clear();
    for (const bucket of buckets) {
      for (let n = 0; n < 150; n += 1) await write(bucket, `k${String(n).padStart(3, '0')}`);
    }
  });

  async function write(bucket: BucketDocument, key: string): Promise<void> {
    const bytes = someBytes(20);
    await at.write(bucket, key, bytes);
    contents.set(`${bucket.name}/${key}`, bytes);
  }

  async function keyIds(): Promise<Map<string, number>> {
    const found = new Map<string, number>();
    for (const bucket of buckets) {
      for (const { document } of await at.platform.index.scan(bucket.id, { limit: 1000 })) {
        const id = document.current?.sealing ? wrappingKeyIdOf(document.current.sealing.key) : 'plain';
        found.set(id, (found.get(id) ?? 0) + 1);
      }
    }
    return found;
  }

  /** Runs it; `interrupt` is asked at each report, and what it throws kills the run there. */
  async function run(checkpoint?: Report['checkpoint'], interrupt: () => void = () => undefined): Promise<Run> {
    const seen: { last: Report | undefined; checkpoint: Report['checkpoint']; failures: string[] } = {
      last: undefined,
      checkpoint,
      failures: [],
    };
    const report = (next: Report): Promise<'run'> => {
      seen.last = next;
      seen.failures.push(...(next.failures ?? []).map(({ key }) => key));
      seen.checkpoint = next.checkpoint ?? seen.checkpoint;
      interrupt();
      return Promise.resolve('run');
    };
    const end = await rewrapKeys(at.platform.engine, ACTOR, {
      parallel: 4,
      reporter: { report },
      ...(checkpoint ? { checkpoint } : {}),
    }).catch((error: unknown) => {
      if (!(error instanceof Killed)) throw error;
      return { state: 'killed' as const };
    });
    return { end, counts: seen.last?.counts, checkpoint: seen.checkpoint, failures: seen.failures };
  }

  interface Run {
    readonly end: JobEnd | { readonly state: 'killed' };
    readonly counts: Counts | undefined;
    readonly checkpoint: Report['checkpoint'];
    readonly failures: readonly string[];
  }
  class Killed extends Error {}

  it('wraps every data key anew and rewrites no object, so that the old key can go', async () => {
    const before = new Map<string, string>();
    for (const bucket of buckets) before.set(bucket.id, (await at.record(bucket, 'k007')).placement.token);
    current = NEW.id;
    at.platform.vendorCalls.length = 0;
    const { end, counts } = await run();
    expect(end).toEqual({ state: 'completed' });
    expect(counts?.objects).toEqual({ total: 300, done: 300, failed: 0 });
    expect(at.platform.vendorCalls).toEqual([]);
    expect(await keyIds()).toEqual(
      new Map([
        [NEW.id, 300],
        ['plain', 150],
      ]),
    );
    for (const bucket of buckets) expect((await at.record(bucket, 'k007')).placement.token).toBe(before.get(bucket.id));
    Object.assign(at.platform.engine, { dataKeys: dataKeysOf(NEW) });
    for (const bucket of buckets)
      for (const key of ['k000', 'k063', 'k064', 'k149'])
        expect((await at.read(bucket, key)).bytes).toEqual(contents.get(`${bucket.name}/${key}`));
  });

  it('goes on where it was killed, however often, and ends', async () => {
    current = NEW.id;
    let checkpoint: Report['checkpoint'];
    let kills = 0;
    for (;;) {
      const atOnce: { checkpoint: Report['checkpoint'] } = { checkpoint };
      let reports = 0;
      const next = await run(checkpoint, () => {
        reports += 1;
        if (reports === 2 && kills < 12) throw new Killed();
      });
      checkpoint = next.checkpoint;
      if (next.end.state !== 'killed') {
        expect(next.end).toEqual({ state: 'completed' });
        break;
      }
      kills += 1;
      // It does not begin at the beginning again.
      expect(next.checkpoint).not.toEqual(atOnce.checkpoint);
    }
    expect(kills).toBe(12);
    expect(await keyIds()).toEqual(
      new Map([
        [NEW.id, 300],
        ['plain', 150],
      ]),
    );
  });

  it('catches what is written meanwhile, also a write that began before it and ends after', async () => {
    const [bucket] = buckets;
    if (!bucket) throw new Error('no bucket');
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const slow = someBytes(10);
    const body = async function* (): AsyncGenerator<Uint8Array> {
      yield slow.subarray(0, 5);
      await gate;
      yield slow.subarray(5);
    };
    const attributes = { headers: {}, metadata: {}, tags: {} };
    const writing = putObject(at.platform.engine, ACTOR, {
      bucket,
      key: 'slow',
      body: body(),
      expected: {},
      attributes,
    });
    await new Promise((resolve) => setImmediate(resolve));
    current = NEW.id;
    expect((await run()).end).toEqual({ state: 'completed' });
    release();
    await writing;
    Object.assign(at.platform.engine, { dataKeys: dataKeysOf(NEW) });
    expect((await at.read(bucket, 'slow')).bytes).toEqual(slow);
    expect((await keyIds()).get(OLD.id)).toBeUndefined();
  });

  it('leaves a dead writer’s intent such that its bytes can be adopted without the old key', async () => {
    if (tokens === 'id') return;
    const [bucket] = buckets;
    if (!bucket) throw new Error('no bucket');
    const { engine } = at.platform;
    const bytes = someBytes(30);
    const dying = {
      ...engine,
      reach: (point: string): Promise<void> =>
        point === 'bytes-sent' ? new Promise(() => undefined) : Promise.resolve(),
    };
    const attributes = { headers: {}, metadata: {}, tags: {} };
    void putObject(dying, ACTOR, { bucket, key: 'dead', body: bytes, expected: {}, attributes });
    for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    current = NEW.id;
    expect((await run()).end).toEqual({ state: 'completed' });
    Object.assign(engine, { dataKeys: dataKeysOf(NEW) });
    expect(await sweepAll(at.platform, bucket.id)).toEqual([]);
    expect((await at.read(bucket, 'dead')).bytes).toEqual(bytes);
  });

  it('says which objects it could not rotate, and that the old key is still needed', async () => {
    const [bucket] = buckets;
    if (!bucket) throw new Error('no bucket');
    const address = { bucket: bucket.id, key: 'k005' };
    const found = await at.platform.index.getKey(address);
    const stranger = (await at.record(bucket, 'k006')).sealing;
    if (!found?.value.current || !stranger) throw new Error('no record');
    const next = { ...found.value, current: { ...found.value.current, sealing: stranger } };
    await at.platform.index.changeKey(address, { expected: found.version, next, requireActive: false });
    current = NEW.id;
    const { end, failures, counts } = await run();
    expect(end).toMatchObject({ state: 'failed' });
    expect(failures).toEqual(['k005']);
    expect(counts?.objects).toEqual({ total: 300, done: 299, failed: 1 });
  });
});
