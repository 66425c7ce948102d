import type { BucketId } from '#libs/metadata';
import { isObjectsError, MARKER_KEY, type ObjectsErrorCode } from '#libs/objects';
import { until } from '../running-spumoni.js';
import { Seeded } from '../seeded.js';
import { describeSteps, outcomesOf, type Seen, type Step, type Stretch } from './history.js';
import { isSame, KEY, look, nextAttempt, type Choices } from './operations.js';
import { CONTEXT, type TwoDeployments } from './two-deployments.js';

/** Definite answers to a lost race; nothing of the operation has happened or will. */
const REFUSALS: ReadonlySet<ObjectsErrorCode> = new Set([
  'precondition-failed',
  'conflict',
  'busy',
  'changed-meanwhile',
  'no-such-key',
]);
/** Rounds after which both writers stand still and all is looked at. */
const STRETCH = 25;

/** What came of the rounds, by kind of answer. */
export type Tally = Record<string, number>;

interface Fought {
  readonly clients: readonly Step[][];
  readonly unknown: Step[];
  readonly tally: Tally;
  readonly bucket: BucketId;
}

/**
 * Lets two writers, each with a deployment of its own, change one key freely for so many rounds each, and after every 25 holds what is there against every order in which their operations
 * may have happened. Throws, with the history, where none explains it. Answers how often each operation ended how.
 */
export async function contend(world: TwoDeployments, rounds: number, seed: number): Promise<Tally> {
  const tick = counter();
  const color = counter();
  const tally: Tally = {};
  const unknown: Step[] = [];
  const storageClass = await world.anotherClass();
  const { id: bucket } = await world.bucket();
  const choices = world.deployments.map(({ engine }, client): Choices => ({
    engine,
    random: new Seeded(seed + client),
    backends: [world.home.id, world.other.id],
    storageClass,
    nextColor: () => `color-${color()}`,
  }));
  let from: Seen[] = [null];
  for (let done = 0; done < rounds; done += STRETCH) {
    const clients: Step[][] = choices.map(() => []);
    const fought: Fought = { clients, unknown, tally, bucket };
    await Promise.all(choices.map((own, client) => fight(own, { client, fought, tick })));
    from = [await explained(world, { from, clients, unknown })];
  }
  return tally;
}

async function fight(choices: Choices, at: { client: number; fought: Fought; tick: () => number }): Promise<void> {
  const { client, fought, tick } = at;
  for (let round = 0; round < STRETCH; round += 1) {
    const { what, run } = nextAttempt(choices);
    const [kind = what] = what.split(' ');
    const began = tick();
    try {
      const { answer, apply } = await run();
      fought.clients[client]?.push({ what: `${what}: ${answer}`, began, ended: tick(), apply });
      count(fought.tally, `${kind} done`);
    } catch (error) {
      if (!isObjectsError(error)) throw error;
      count(fought.tally, `${kind} ${error.code}`);
      // The class is the home's, and the object may just lie elsewhere.
      if (REFUSALS.has(error.code) || (kind === 'class' && error.code === 'invalid-storage-class')) continue;
      const found = await choices.engine.index.getKey({ bucket: fought.bucket, key: KEY });
      const now = JSON.stringify(found?.value);
      const text = `${what} failed on a healthy backend: ${error.code}: ${error.message}\nKey document: ${now}`;
      throw new Error(text, { cause: error });
    }
  }
}

/** What is there now; throws unless the history explains it, and the record's token gives what the record says. */
async function explained(world: TwoDeployments, stretch: Stretch): Promise<Seen> {
  const seen = await look(world.engine);
  const outcomes = outcomesOf(stretch);
  if (!outcomes.some((outcome) => isSame(outcome, seen))) {
    const wanted = outcomes.length === 0 ? 'no order of these explains the answers' : JSON.stringify(outcomes);
    throw new Error(`read ${JSON.stringify(seen)}, but: ${wanted}\n${describeSteps(stretch)}`.slice(0, 20_000));
  }
  await assertRecordIsTrue(world, seen);
  return seen;
}

async function assertRecordIsTrue(world: TwoDeployments, seen: Seen): Promise<void> {
  const { engine } = world;
  const bucket = await world.bucket();
  const current = (await engine.index.getKey({ bucket: bucket.id, key: KEY }))?.value.current;
  if (current === undefined) return;
  const { backend: id, container, key, token, writeId } = current.placement;
  const backend = await engine.backends.open(id);
  const head = await backend.head(CONTEXT, { container, key, token });
  const told = { writeId: head.writeId, size: head.size, color: head.metadata['color'] };
  const expected = { writeId, size: seen?.content.length, color: seen?.color };
  if (JSON.stringify(told) !== JSON.stringify(expected))
    throw new Error(`the token of the record gives ${JSON.stringify(told)}, the record ${JSON.stringify(expected)}`);
}

/** Waits until the sweep has left nothing but the markers and what the record names. */
export async function untilNothingElseIsLeft(world: TwoDeployments, withinMs: number): Promise<void> {
  let found: string[] = [];
  await until('only the current bytes and the markers are left', withinMs, async () => {
    found = await leftovers(world);
    return found.length === 0;
  }).catch((cause: unknown) => {
    throw new Error(`left over: ${found.join('; ')}`, { cause });
  });
}

async function leftovers(world: TwoDeployments): Promise<string[]> {
  const { engine } = world;
  const bucket = await world.bucket();
  const document = (await engine.index.getKey({ bucket: bucket.id, key: KEY }))?.value;
  const named = document?.current?.placement;
  const found: string[] = [];
  for (const { backend: id, container } of bucket.containers) {
    const backend = await engine.backends.open(id);
    const page = await backend.list(CONTEXT, { container, include: 'everything', limit: 1000 });
    for (const entry of page.entries) {
      const isNamed = named?.backend === id && named.key === entry.key && named.token === entry.token;
      if (entry.key !== MARKER_KEY && !isNamed)
        found.push(`${backend.name}: ${entry.kind} ${entry.key} ${entry.token}`);
    }
  }
  const pending = [...(document?.intents ?? []), ...(document?.garbage ?? [])];
  if (pending.length > 0 || document?.lease) found.push(`in the key document: ${JSON.stringify(pending)}`);
  return found;
}

function counter(): () => number {
  let last = 0;
  return () => (last += 1);
}

function count(tally: Tally, what: string): void {
  tally[what] = (tally[what] ?? 0) + 1;
}
