import { describe, expect, it } from '@jest/globals';
import { TOKEN_KINDS, type MemoryBackend, type TokenKind } from '#libs/backends';
import type { BucketDocument, BucketId } from '#libs/metadata';
import { adoptBucket, createBucket, reconcileBucket, type JobEnd, type Report } from '../src/index.js';
import { listAll, read, seeded, useKeys, type Client } from './simulation/clients.js';
import { putOutside, seenOutside } from './simulation/outside.js';
import { ACTOR, makePlatform, sweepAll, type Platform } from './simulation/platform.js';
import { Scheduler, type Task } from './simulation/scheduler.js';

/**
 * A container is taken over, and then reconciled, while clients use it and others write beside them, in an order that a seed decides; the jobs are paused, or killed anywhere, and go on (invariants 1, 2, 3, 5, 6).
 * Clients and others have keys of their own, so that what each was told last is what must be found.
 */
const SEEDS = 40;
const KINDS = TOKEN_KINDS.filter((kind) => kind !== 'id');
const STABLE = ['a/stable', 'm/stable', 'z/stable'];
type JobKind = 'adopt' | 'reconcile';

describe.each(KINDS)('taking over a container whose tokens are %s, with clients and others at work', (tokens) => {
  it.each(Array.from({ length: SEEDS }, (_, i) => 1 + i))(
    'loses nothing and brings nothing back (seed %i)',
    async (seed) => {
      const live = await begin(tokens, seed);
      await run(live, 'adopt');
      await run(live, 'reconcile');
      await settle(live);
      await assertModel(live);
    },
  );
});

interface Live {
  readonly platform: Platform;
  readonly backend: MemoryBackend;
  readonly scheduler: Scheduler;
  readonly random: () => number;
  /** Jobs that were killed: they stand where they stood for ever. */
  readonly dead: Set<Task>;
  readonly id: BucketId;
  readonly clients: readonly Client[];
  /** What others put last. */
  readonly outside: Map<string, string>;
}

async function begin(tokens: TokenKind, seed: number): Promise<Live> {
  const scheduler = new Scheduler();
  const platform = makePlatform({
    tokens: { m1: tokens },
    reach: (point) => scheduler.reach(point),
    gate: ({ operation, phase }) => (operation === 'get' ? undefined : scheduler.reach(`${operation}-${phase}`)),
    sleep: (ms) => scheduler.sleep(ms),
  });
  const backend = platform.backends['m1'];
  if (!backend) throw new Error('no backend');
  await backend.createContainer(ACTOR, { container: 'theirs' });
  const clients = ['b', 'n'].map((name) => ({
    keys: [`${name}/0`, `${name}/1`, `${name}/2`],
    model: new Map([
      [`${name}/0`, `first of ${name}/0`],
      [`${name}/1`, `first of ${name}/1`],
    ]),
  }));
  const outside = new Map<string, string>();
  const put = (key: string, bytes: string): Promise<string> => putOutside(backend, 'theirs', { key, bytes });
  for (const key of STABLE) {
    await put(key, `first of ${key}`);
    outside.set(key, `first of ${key}`);
  }
  for (const { model } of clients) for (const [key, bytes] of model) await put(key, bytes);
  const wish = { name: 'ours', backend: 'm1', adopt: { container: 'theirs' } };
  const { bucket } = await createBucket(platform.engine, ACTOR, wish);
  return { platform, backend, scheduler, random: seeded(seed), dead: new Set(), id: bucket.id, clients, outside };
}

async function bucketOf({ platform, id }: Live): Promise<BucketDocument> {
  const found = await platform.index.getBucket(id);
  if (!found) throw new Error('the bucket is gone');
  return found.value;
}

/** Steps clients, others and the job at random until all have ended; now and then the job is killed where it stands, or told to pause, and another goes on at its checkpoint. */
async function run(live: Live, kind: JobKind): Promise<void> {
  const { scheduler, random, dead } = live;
  const tasks = live.clients.map((client, i) =>
    scheduler.start(`client-${kind}-${i}`, () =>
      useKeys(live.platform, client, { random, operations: 7, bucket: () => bucketOf(live) }),
    ),
  );
  tasks.push(scheduler.start(`others-${kind}`, () => writeOutside(live)));
  let checkpoint: Report['checkpoint'];
  let starts = 0;
  const start = (): Task =>
    scheduler.start(`${kind}-${(starts += 1)}`, () =>
      perform(live, kind, checkpoint, (report) => {
        checkpoint = report.checkpoint ?? checkpoint;
        return starts < 6 && random() < 0.2 ? 'pause' : 'run';
      }),
    );
  let job = start();
  await scheduler.quiet();
  for (let steps = 0; [...tasks, job].some((task) => task.outcome === undefined); steps += 1) {
    if (steps > 20_000) throw new Error(`does not end: ${scheduler.trace.slice(-40).join(' ')}`);
    if (starts < 6 && (job.outcome !== undefined || random() < 0.02)) {
      dead.add(job);
      job = start();
      await scheduler.quiet();
    }
    const eligible = scheduler.eligible(dead);
    const chosen = eligible[Math.floor(random() * eligible.length)];
    if (!chosen) throw new Error('nobody can go on');
    await scheduler.step(chosen);
  }
  for (const { name, outcome } of [...tasks, job])
    if (outcome?.status === 'rejected')
      throw new Error(`${name} failed: ${String(outcome.reason)} in ${scheduler.trace.slice(-80).join(' ')}`, {
        cause: outcome.reason,
      });
  await finish(live, kind, checkpoint);
}

async function writeOutside(live: Live): Promise<void> {
  for (let i = 0; i < 6; i += 1) {
    const key = live.random() < 0.5 ? 'm/stable' : `o/${Math.floor(live.random() * 3)}`;
    const bytes = `others ${i} of ${key} ${live.random()}`;
    await putOutside(live.backend, 'theirs', { key, bytes });
    live.outside.set(key, bytes);
  }
}

function perform(
  live: Live,
  kind: JobKind,
  checkpoint: Report['checkpoint'],
  report: (report: Report) => 'run' | 'pause' | 'cancel',
): Promise<JobEnd> {
  const job = {
    bucketId: live.id,
    // A task of the scheduler stands at one point at a time.
    parallel: 1,
    reporter: { report: (said: Report) => Promise.resolve(report(said)) },
    ...(checkpoint ? { checkpoint } : {}),
  };
  return (kind === 'adopt' ? adoptBucket : reconcileBucket)(live.platform.engine, ACTOR, job);
}

/** What killed runs left open is swept first, as their intents keep others waiting; then the job runs out. */
async function finish(live: Live, kind: JobKind, checkpoint: Report['checkpoint']): Promise<void> {
  await sweepAll(live.platform, live.id);
  for (let tries = 0; tries < 3; tries += 1) {
    const end = await perform(live, kind, tries === 0 ? checkpoint : undefined, () => 'run');
    if (end.state === 'completed') return;
  }
  throw new Error(`the ${kind} job does not complete`);
}

async function settle(live: Live): Promise<void> {
  await perform(live, 'reconcile', undefined, () => 'run');
  expect(await sweepAll(live.platform, live.id)).toEqual([]);
  await perform(live, 'reconcile', undefined, () => 'run');
}

async function assertModel(live: Live): Promise<void> {
  const { platform, outside, clients, scheduler } = live;
  const model = new Map([...outside, ...clients.flatMap(({ model: own }) => [...own])]);
  const bucket = await bucketOf(live);
  const story = scheduler.trace.slice(-100).join(' ');
  const seen = await seenOutside(live.backend, 'theirs');
  const keys = await listAll(platform, bucket);
  expect({ keys, story }).toEqual({ keys: [...model.keys()].sort(), story });
  for (const [key, bytes] of model) {
    expect({ key, bytes: await read(platform, bucket, key), story }).toEqual({ key, bytes, story });
    expect({ key, outside: seen.get(key), story }).toEqual({ key, outside: bytes, story });
  }
  expect([...seen.keys()].sort()).toEqual([...model.keys()].sort());
}
