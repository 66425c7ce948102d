import { createHash } from 'node:crypto';
import {
  isObjectsError,
  moveObject,
  openBucket,
  openObject,
  putObject,
  removeObject,
  restampObject,
  type Conditions,
  type Engine,
} from '#libs/objects';
import type { Seeded } from '../seeded.js';
import type { Seen, Step } from './history.js';
import { CONTEXT } from './two-deployments.js';

/** One try of a client: how it is done, and what its success means. */
export interface Attempt {
  readonly what: string;
  readonly run: () => Promise<Told>;
}

/** What a success says: its part of the answer, for people, and what it means. */
export interface Told {
  readonly answer: string;
  readonly apply: Step['apply'];
}

/** What the attempts choose from. `changes`: a counter, so that each write's colour is its own. */
export interface Choices {
  readonly engine: Engine;
  readonly random: Seeded;
  readonly backends: readonly [home: string, other: string];
  readonly storageClass: string | undefined;
  readonly nextColor: () => string;
}

export const KEY = 'fought/over.txt';
/** Few, so that two writes often send the same bytes with other metadata; the last is of the size at which bodies are streams. */
export const CONTENTS = ['', 'one', 'two', 'x'.repeat(200_000)] as const;

const etagOf = (content: string): string => createHash('md5').update(content).digest('hex');

function put({ engine, nextColor }: Choices, content: string, conditions?: Conditions): Attempt {
  const color = nextColor();
  const condition = conditions?.ifMatch ? ' if it matches' : conditions ? ' if there is none' : '';
  return {
    what: `put ${content.slice(0, 3)} ${color}${condition}`,
    run: async () => {
      const { fate } = await putObject(engine, CONTEXT, {
        bucket: await openBucket(engine, CONTEXT, 'contended'),
        key: KEY,
        body: Buffer.from(content),
        expected: {},
        attributes: { headers: {}, metadata: { color }, tags: {} },
        ...(conditions ? { conditions } : {}),
      });
      return { answer: fate, apply: (before) => (holds(before, conditions) ? { content, color } : 'impossible') };
    },
  };
}

function holds(before: Seen, conditions: Conditions | undefined): boolean {
  if (conditions?.ifMatch) return before !== null && conditions.ifMatch.includes(etagOf(before.content));
  return conditions?.ifNoneMatch ? before === null : true;
}

function remove({ engine }: Choices): Attempt {
  return {
    what: 'delete',
    run: async () => {
      const bucket = await openBucket(engine, CONTEXT, 'contended');
      const removed = await removeObject(engine, CONTEXT, { bucket, key: KEY });
      const apply: Step['apply'] = (before) => ((before === null) === (removed === undefined) ? null : 'impossible');
      return { answer: removed ? `removed ${removed.metadata['color']}` : 'nothing there', apply };
    },
  };
}

function recolor({ engine, nextColor }: Choices): Attempt {
  const color = nextColor();
  return {
    what: `recolor ${color}`,
    run: async () => {
      const bucket = await openBucket(engine, CONTEXT, 'contended');
      const { fate } = await restampObject(engine, CONTEXT, { bucket, key: KEY, attributes: { metadata: { color } } });
      return { answer: fate, apply: (before) => (before === null ? 'impossible' : { ...before, color }) };
    },
  };
}

const STAYS: Told = { answer: 'done', apply: (before) => (before === null ? 'impossible' : before) };

function changeClass({ engine }: Choices, storageClass: string): Attempt {
  return {
    what: `class ${storageClass}`,
    run: async () => {
      const bucket = await openBucket(engine, CONTEXT, 'contended');
      await restampObject(engine, CONTEXT, { bucket, key: KEY, storageClass });
      return STAYS;
    },
  };
}

function move({ engine }: Choices, to: string, place: string): Attempt {
  return {
    what: `move ${place}`,
    run: async () => {
      const bucket = await openBucket(engine, CONTEXT, 'contended');
      await moveObject(engine, CONTEXT, { bucket, key: KEY, to });
      return STAYS;
    },
  };
}

/** What a reader gets now. */
export async function look(engine: Engine): Promise<Seen> {
  try {
    const bucket = await openBucket(engine, CONTEXT, 'contended');
    const opened = await openObject(engine, CONTEXT, { bucket, key: KEY });
    const chunks: Uint8Array[] = [];
    for await (const chunk of opened.body) chunks.push(Buffer.from(chunk));
    const content = Buffer.concat(chunks).toString();
    if (etagOf(content) !== opened.record.etag) throw new Error('the bytes that were read are not those of the record');
    return { content, color: opened.record.metadata['color'] ?? 'none' };
  } catch (error) {
    if (isObjectsError(error, 'no-such-key')) return null;
    throw error;
  }
}

function read({ engine }: Choices): Attempt {
  return {
    what: 'read',
    run: async () => {
      const seen = await look(engine);
      return { answer: seen?.color ?? 'nothing', apply: (before) => (isSame(before, seen) ? before : 'impossible') };
    },
  };
}

export function isSame(one: Seen, other: Seen): boolean {
  return one?.content === other?.content && one?.color === other?.color;
}

/** The next thing a client does. */
export function nextAttempt(choices: Choices): Attempt {
  const { random, backends, storageClass } = choices;
  const content = random.pick(CONTENTS);
  const roll = random.below(100);
  if (roll < 30) return put(choices, content);
  if (roll < 40) return put(choices, content, { ifNoneMatch: ['*'] });
  if (roll < 50) return put(choices, content, { ifMatch: [etagOf(random.pick(CONTENTS))] });
  if (roll < 62) return remove(choices);
  if (roll < 74) return recolor(choices);
  if (roll < 80 && storageClass !== undefined) return changeClass(choices, storageClass);
  if (roll < 86) return move(choices, backends[1], 'away');
  if (roll < 92) return move(choices, backends[0], 'home');
  return read(choices);
}
