import { describe, expect, it } from '@jest/globals';
import { TOKEN_KINDS, type TokenKind } from '#libs/backends';
import type { BucketDocument, BucketId } from '#libs/metadata';
import { createBucket, migrateBucket, removeRetired, type JobEnd, type Report } from '../src/index.js';
import { listAll, read, seeded, useKeys, write, type Client } from './simulation/clients.js';
import { ACTOR, holdings, makePlatform, sweepAll, type Platform } from './simulation/platform.js';
import { Scheduler, type Task } from './simulation/scheduler.js';

/** A live bucket moves while clients use it, in an order that a seed decides; the job is paused, or killed anywhere, and resumed (A2.20 to A2.24, invariants 1, 3, 4, 6). */
const SEEDS_A_PAIR = 8;
const STABLE = ['a/stable', 'm/stable', 'z/stable'];
const pairs = TOKEN_KINDS.flatMap((from) => TOKEN_KINDS.map((to) => ({ from, to })));

describe.each(pairs)('a migration from tokens $from to tokens $to, with clients at work', ({ from, to }) => {
  it.each(Array.from({ length: SEEDS_A_PAIR }, (_, i) => 1 + i))(
    'loses nothing and leaves nothing behind (seed %i)',
    async (seed) => {
      await migrateLive({ tokens: { m1: from, m2: to }, seed, there: 'm2' });
    },
  );

  it('and back again, and there once more, leaves one container', async () => {
    const live = await migrateLive({ tokens: { m1: from, m2: to }, seed: 99, there: 'm2', keepRetired: true });
    await finish(live, 'm2', 'm1');
    await finish(live, 'm1', 'm2');
    for (let round = 0; round < 3; round += 1) await sweepAndRemove(live);
    const { containers } = await live.bucket();
    expect(containers.map(({ backend, retiring }) => ({ backend, retiring }))).toEqual([{ backend: 'm2' }]);
    await assertModel(live);
    expect((await holdings(live.platform)).filter((line) => line.startsWith('m1'))).toEqual([]);
  });
});

interface Live {
  readonly platform: Platform;
  readonly id: BucketId;
  readonly bucket: () => Promise<BucketDocument>;
  readonly model: Map<string, string>;
}

interface Plan {
  readonly tokens: Readonly<Record<'m1' | 'm2', TokenKind>>;
  readonly seed: number;
  readonly there: 'm2';
  readonly keepRetired?: boolean;
}

async function migrateLive(plan: Plan): Promise<Live> {
  const scheduler = new Scheduler();
  const random = seeded(plan.seed);
  const platform = makePlatform({
    tokens: plan.tokens,
    reach: (point) => scheduler.reach(point),
    gate: ({ operation, phase }) =>
      operation === 'get' || operation === 'list' ? undefined : scheduler.reach(`${operation}-${phase}`),
    sleep: (ms) => scheduler.sleep(ms),
  });
  const { id } = (await createBucket(platform.engine, ACTOR, { name: 'bucket', backend: 'm1' })).bucket;
  const bucket = async (): Promise<BucketDocument> => (await platform.index.getBucket(id))?.value ?? fail();
  const model = new Map<string, string>();
  const live: Live = { platform, id, bucket, model };
  for (const key of [...STABLE, 'b/0', 'n/0']) {
    await write(platform, await bucket(), key, `first of ${key}`);
    model.set(key, `first of ${key}`);
  }
  const clients: Client[] = [
    { keys: ['b/0', 'b/1'], model: new Map([['b/0', 'first of b/0']]) },
    { keys: ['n/0', 'n/1'], model: new Map([['n/0', 'first of n/0']]) },
  ];
  const old = await bucket();
  const tasks = clients.map((client, i) =>
    scheduler.start(`client-${i}`, () =>
      useKeys(platform, client, {
        random,
        operations: 8,
        bucket: async () => (random() < 0.3 ? old : await bucket()),
      }),
    ),
  );
  await drive(live, { scheduler, random, tasks }).catch((cause: unknown) => {
    throw new Error(`seed ${plan.seed}: ${scheduler.trace.slice(-60).join(' ')}`, { cause });
  });
  for (const client of clients) for (const key of client.keys) setOrDelete(model, key, client.model.get(key));
  platform.backends['m1']?.endProcess();
  platform.backends['m2']?.endProcess();
  await sweepAll(platform, id);
  await finish(live, 'm1', 'm2');
  if (plan.keepRetired) return live;
  for (let round = 0; round < 3; round += 1) await sweepAndRemove(live);
  await assertModel(live);
  const left = await holdings(platform);
  const named = [...model.keys()].length + 2;
  if (left.some((line) => line.startsWith('m1')) || left.length !== named)
    throw new Error(`seed ${plan.seed}: left over: ${left.join(' ')}`);
  return live;
}

function fail(): never {
  throw new Error('the bucket is gone');
}

function setOrDelete(model: Map<string, string>, key: string, value: string | undefined): void {
  if (value === undefined) model.delete(key);
  else model.set(key, value);
}

interface Drive {
  readonly scheduler: Scheduler;
  readonly random: () => number;
  readonly tasks: readonly Task[];
}

/** Steps clients and the job at random until the clients have ended; now and then the job is killed where it stands, or told to pause, and another goes on at its checkpoint. */
async function drive(live: Live, { scheduler, random, tasks }: Drive): Promise<void> {
  const dead = new Set<Task>();
  let checkpoint: Report['checkpoint'];
  let starts = 0;
  const start = (): Task =>
    scheduler.start(`migration-${(starts += 1)}`, () =>
      migrate(live, 'm1', 'm2', {
        ...(checkpoint ? { checkpoint } : {}),
        report: (report) => {
          checkpoint = report.checkpoint ?? checkpoint;
          return random() < 0.2 ? 'pause' : 'run';
        },
      }),
    );
  let job = start();
  await scheduler.quiet();
  for (let steps = 0; tasks.some((task) => task.outcome === undefined); steps += 1) {
    if (steps > 4_000) throw new Error('does not end');
    if (starts < 6 && (job.outcome !== undefined || random() < 0.02)) {
      dead.add(job);
      job = start();
      await scheduler.quiet();
    }
    const eligible = scheduler.eligible(dead);
    const chosen = eligible[Math.floor(random() * eligible.length)];
    if (!chosen) throw new Error('nobody can go on');
    await scheduler.step(chosen);
    if (steps % 7 === 0) await assertListing(live, () => step(scheduler, dead, random));
  }
  for (const { name, outcome } of [...tasks, job])
    if (outcome?.status === 'rejected') throw new Error(`${name} failed`, { cause: outcome.reason });
  if (job.outcome === undefined) await runOut(scheduler, job, dead);
}

async function step(scheduler: Scheduler, dead: ReadonlySet<Task>, random: () => number): Promise<void> {
  const eligible = scheduler.eligible(dead);
  const chosen = eligible[Math.floor(random() * eligible.length)];
  if (chosen) await scheduler.step(chosen);
}

/** The clients have ended; the job goes on alone. */
async function runOut(scheduler: Scheduler, job: Task, dead: ReadonlySet<Task>): Promise<void> {
  for (let steps = 0; job.outcome === undefined; steps += 1) {
    if (steps > 20_000) throw new Error('the job does not end');
    const next = scheduler.eligible(dead)[0];
    if (next) await scheduler.step(next);
  }
}

/** Keys that stay are listed once each and all in order, whatever comes and goes between pages. */
async function assertListing(live: Live, between: () => Promise<void>): Promise<void> {
  const keys = await listAll(live.platform, await live.bucket(), between);
  expect(keys).toEqual([...new Set(keys)].sort());
  expect(keys).toEqual(expect.arrayContaining(STABLE));
}

async function migrate(
  live: Live,
  from: string,
  to: string,
  job: { checkpoint?: Report['checkpoint']; report?: (report: Report) => 'run' | 'pause' | 'cancel' },
): Promise<JobEnd> {
  return migrateBucket(live.platform.engine, ACTOR, {
    bucketId: live.id,
    from,
    to,
    // A task of the scheduler stands at one point at a time.
    parallel: 1,
    reporter: { report: (report) => Promise.resolve(job.report?.(report) ?? 'run') },
    ...(job.checkpoint ? { checkpoint: job.checkpoint } : {}),
  });
}

async function finish(live: Live, from: string, to: string): Promise<void> {
  const failures: unknown[] = [];
  const report = (said: Report): 'run' => {
    failures.push(...(said.failures ?? []));
    return 'run';
  };
  const end = await migrate(live, from, to, { report });
  expect({ end, failures }).toEqual({ end: { state: 'completed' }, failures: [] });
}

async function sweepAndRemove(live: Live): Promise<void> {
  expect(await sweepAll(live.platform, live.id)).toEqual([]);
  await removeRetired(live.platform.engine, ACTOR, await live.bucket(), (_, error) => {
    throw error;
  });
}

async function assertModel({ platform, model, bucket }: Live): Promise<void> {
  const keys = await listAll(platform, await bucket());
  expect(keys).toEqual([...model.keys()].sort());
  for (const [key, bytes] of model) expect(await read(platform, await bucket(), key)).toBe(bytes);
}
