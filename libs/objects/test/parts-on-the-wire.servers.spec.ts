import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { withDeadline, type ObjectBackend } from '#libs/backends';
import type { BucketDocument } from '#libs/metadata';
import { createBucket, isObjectsError, MARKER_KEY, putObject, type PutObject } from '../src/index.js';
import { findServer, type ServerName } from '../../../test/servers/index.js';
import { read } from './simulation/clients.js';
import { LINE_FAULTS, type LineFault, type Passed } from './simulation/faulty-line.js';
import { linedAzurite, linedGcs, linedMinio, type LinedVendor } from './simulation/lined-vendors.js';
import { ACTOR, platformOn, sweepAll, type Platform } from './simulation/platform.js';

/**
 * One put of a large body is many requests to the vendor: an upload is made, fed with parts, completed or given up. Every one of them is refused, fails, is cut, comes too late, or loses its answer, and some of these with all
 * that follow, clean-up included. What there is to try is read off a run without faults. Afterwards the object is whole or what it was, and after a sweep the vendor holds nothing that no record names (invariants 1 to 3).
 */
const CASES: readonly {
  server: ServerName;
  start: () => Promise<LinedVendor>;
  how: 'streamed' | 'of known length' | 'without tokens';
}[] = [
  { server: 'minio', start: linedMinio, how: 'streamed' },
  { server: 'minio', start: linedMinio, how: 'of known length' },
  { server: 'minio', start: linedMinio, how: 'without tokens' },
  { server: 'azurite', start: linedAzurite, how: 'streamed' },
  { server: 'fake-gcs-server', start: linedGcs, how: 'streamed' },
];
const CLEAN_UP_FAULTS = ['is refused as too much', 'is cut before it arrives', 'loses its answer'] as const;
const OLD = 'what was there';

/** A put that met a fault. */
interface Suffered {
  readonly key: string;
  readonly isThere: boolean;
  /** `done`, or the code of the refusal. */
  readonly told: string;
  readonly story: string;
}

describe.each(CASES)('the parts of a put on $server, $how', (item) => {
  if (!findServer(item.server)) {
    it.skip(`[skipped: ${item.server} is not installed]`, () => undefined);
    return;
  }
  let vendor: LinedVendor;
  let platform: Platform;
  let bucket: BucketDocument;
  let slow: Expiring;
  let clean: readonly Passed[];
  let body: Buffer;
  let runs = 0;
  // At Azure alone it makes a difference to the parts of an object whether one stands there already.
  const overNothing = item.server === 'azurite';
  const tried = new Set<string>();

  beforeAll(async () => {
    vendor = await item.start();
    slow = new Expiring(vendor.backend);
    platform = platformOn({ [item.server]: slow.backend });
    body = randomBytes(vendor.size);
    if (item.how === 'without tokens') await vendor.makeWeak?.('weak-box');
    const adopt =
      item.how === 'without tokens' ? { adopt: { container: 'weak-box', versioning: 'leave' as const } } : {};
    ({ bucket } = await createBucket(platform.engine, ACTOR, { name: 'box', backend: item.server, ...adopt }));
  }, 120_000);
  afterAll(() => vendor.stop(), 60_000);

  const put = (key: string, bytes: Buffer, streamed: boolean, expected: PutObject['expected'] = {}): Promise<unknown> =>
    putObject(platform.engine, ACTOR, {
      bucket,
      key,
      body: streamed ? chunksOf(bytes) : bytes,
      expected: item.how === 'of known length' && streamed ? { ...expected, size: bytes.byteLength } : expected,
      attributes: { headers: {}, metadata: {}, tags: {} },
    });

  /** A key of its own, with an object or without one. */
  const prepare = async (isThere: boolean): Promise<string> => {
    const key = `key-${String((runs += 1))}`;
    // The marker of the container is known then, and not read by the put that is tried.
    await put('another', Buffer.from(OLD), false);
    if (isThere) await put(key, Buffer.from(OLD), false);
    return key;
  };

  const suffer = async ({ name }: Passed, fault: LineFault, isThere: boolean): Promise<Suffered> => {
    const key = await prepare(isThere);
    vendor.line.begin({ name, fault });
    const putting = put(key, body, true).then(
      () => 'done',
      (error: unknown) => {
        if (!isObjectsError(error)) throw error;
        return error.code;
      },
    );
    if (fault === 'comes when nobody waits any more') {
      await Promise.race([vendor.line.held, putting]);
      slow.expire();
    }
    const told = await putting;
    await vendor.line.heal();
    await slow.settled();
    const passed = vendor.line.passed.map((one) => one.name).join(', ');
    const struck = vendor.line.hasStruck ? '' : 'not struck: ';
    const over = isThere ? 'an object' : 'nothing';
    return { key, isThere, told, story: `${struck}${name} ${fault}, over ${over}, told ${told}, of: ${passed}` };
  };

  /** What is wrong, after a sweep. */
  const wrongAt = async ({ key, isThere, told, story }: Suffered): Promise<string[]> => {
    const wrong = story.startsWith('not struck') ? ['it'] : [];
    const seen = await read(platform, bucket, key, 'latin1');
    const isNew = seen === body.toString('latin1');
    const isOld = seen === (isThere ? OLD : undefined);
    if (isNew ? told !== 'done' && told !== 'outcome-unknown' : !isOld || told === 'done')
      wrong.push(isNew ? 'has become visible' : isOld ? 'is lost' : 'is something else');
    wrong.push(...(await leftAt(key)));
    return wrong.map((one) => `${one}: ${story}`);
  };

  /** All that the vendor holds of a key, or shows of uploads to it, and that no record names. */
  const leftAt = async (key: string): Promise<string[]> => {
    const document = (await platform.index.getKey({ bucket: bucket.id, key }))?.value;
    const container = bucket.containers[0]?.container ?? '';
    const found = [
      ...(document?.intents ?? []).map(() => 'an intent'),
      ...(document?.garbage ?? []).map(() => 'garbage'),
    ];
    // MinIO shows the uploads of a key to who names it whole.
    for (const prefix of [key, '.spumoni/']) {
      let cursor: string | undefined;
      do {
        const at = cursor === undefined ? {} : { cursor };
        const page = await vendor.backend.list(ACTOR, { container, prefix, include: 'everything', limit: 1000, ...at });
        for (const { kind, key: at, token } of page.entries) {
          const isNamed = at === MARKER_KEY || (at === key && token === document?.current?.placement.token);
          if ((at === key || prefix !== key) && !isNamed) found.push(`${kind} ${at} ${token}`);
        }
        cursor = page.cursor;
      } while (cursor !== undefined);
    }
    return found;
  };

  it('are counted in a run without faults', async () => {
    const key = await prepare(true);
    vendor.line.begin();
    await put(key, body, true);
    clean = [...vendor.line.passed];
    expect(clean.filter(({ size }) => size >= 100).length).toBeGreaterThan(1);
    expect(await read(platform, bucket, key, 'latin1')).toBe(body.toString('latin1'));
  }, 60_000);

  it.each(LINE_FAULTS)(
    'may suffer that one of them %s',
    async (fault) => {
      const suffered: Suffered[] = [];
      for (const request of clean) {
        if (!canSuffer(request, fault)) continue;
        for (const isThere of overNothing ? [true, false] : [true])
          suffered.push(await suffer(request, fault, isThere));
        tried.add(`${request.name} ${fault}`);
      }
      const wrong = (await sweepAll(platform, bucket.id)).map((failure) => `not swept: ${JSON.stringify(failure)}`);
      for (const one of suffered) wrong.push(...(await wrongAt(one)));
      expect(wrong).toEqual([]);
    },
    120_000,
  );

  it.each(CLEAN_UP_FAULTS)(
    'are given up for a body that is not what was announced, also where giving up %s',
    async (fault) => {
      const key = await prepare(true);
      vendor.line.begin({ name: vendor.cleanUp, fault });
      const expected = { md5: Buffer.alloc(16).toString('base64') };
      const refused = put(key, Buffer.concat([body, body]), true, expected).then(
        () => 'done',
        (error: unknown) => (isObjectsError(error) ? error.code : error),
      );
      expect(await refused).toBe('bad-digest');
      expect(vendor.line.hasStruck).toBe(true);
      await vendor.line.heal();
      expect(await sweepAll(platform, bucket.id)).toEqual([]);
      expect(await read(platform, bucket, key)).toBe(OLD);
      expect(await leftAt(key)).toEqual([]);
    },
    60_000,
  );

  it('and all of it was tried', () => {
    const due = clean.flatMap((request) =>
      LINE_FAULTS.filter((fault) => canSuffer(request, fault)).map((fault) => `${request.name} ${fault}`),
    );
    expect(due.length).toBeGreaterThan(25);
    expect(due.filter((one) => !tried.has(one))).toEqual([]);
  });
});

/** Half of nothing cannot be sent, and only what is answered with a document can have a failure in a success. */
function canSuffer({ name, size }: Passed, fault: LineFault): boolean {
  if (fault === 'is cut in mid-body') return size > 1;
  if (!fault.includes('under the status of a success')) return true;
  return /^POST .*upload/.test(name);
}

/** A backend with deadlines that expire when the test says so. */
class Expiring {
  readonly backend: ObjectBackend;
  readonly #timers = new Set<() => void>();
  /** Puts of the adapter: one that nobody waits for any more still cleans up. */
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(inner: ObjectBackend) {
    const put: ObjectBackend['put'] = async (call, request) => {
      const putting = inner.put(call, request);
      this.#underWay.add(putting);
      return putting.finally(() => this.#underWay.delete(putting));
    };
    const watched = new Proxy(inner, {
      get: (target, name) => {
        const value: unknown = name === 'put' ? put : Reflect.get(target, name, target);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
    const start = (fire: () => void): (() => void) => {
      this.#timers.add(fire);
      return () => this.#timers.delete(fire);
    };
    this.backend = withDeadline(watched, { answerMs: 1, idleMs: 1, timers: { start } });
  }

  expire(): void {
    for (const fire of this.#timers) fire();
  }

  async settled(): Promise<void> {
    await Promise.allSettled(this.#underWay);
  }
}

async function* chunksOf(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += 64 * 1024)
    yield await Promise.resolve(bytes.subarray(at, at + 64 * 1024));
}
