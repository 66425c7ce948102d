import type { Seeded } from '../seeded.js';
import type { Model } from './model.js';
import type { Draft, ObjectClient } from './object-client.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/** How big the bucket is. */
export interface Extent {
  readonly objects: number;
  /** All bytes together, about. */
  readonly bytes: number;
  /** So many of the objects have 64 MiB each. */
  readonly large: number;
}

/** Keys that some vendor holds only in another form, or that a careless program takes for something else. */
const ODD_KEYS = [
  'a b/c  d',
  'plus+and%20percent%2F',
  'käse/straße.txt',
  'ünï/日本語/キー.txt',
  'emoji/🍨🍧',
  'query?x=1&y=2#hash',
  `quotes'"<>&`,
  'semi;colon,comma=equals@at:colon!bang*star(paren)',
  'back\\slash',
  'double//slash',
  'trailing/',
  'trailing.',
  'trailing-dot./next',
  '$web',
  'tilde~/caret^/bar|/brace{}',
  'UPPER/lower',
  'upper/LOWER',
  'combining/e\u0301',
  'combining/\u00e9',
  `long/${'x'.repeat(200)}/${'y'.repeat(200)}`,
] as const;

/** The keys of the bucket: the odd ones, and plain ones in folders. */
export function keysOf({ objects }: Extent): string[] {
  const plain = Array.from(
    { length: Math.max(0, objects - ODD_KEYS.length) },
    (_, index) => `folder-${index % 17}/${String(index).padStart(5, '0')}.bin`,
  );
  return [...ODD_KEYS, ...plain];
}

function attributes(random: Seeded): Pick<Draft, 'metadata' | 'tags'> {
  const metadata = { color: `shade ${random.below(1_000)}`, 'with-dash': 'ümläut=;,', empty: `${random.below(2)}` };
  const tags = { project: `p ${random.below(10)}`, 'a+b': 'c/d=e' };
  return { metadata: random.below(4) === 0 ? {} : metadata, tags: random.below(2) === 0 ? {} : tags };
}

/** A small object: often empty, else of up to `upTo` bytes. */
export function smallDraft(random: Seeded, upTo = 64 * KIB): Draft {
  return { body: random.bytes(random.below(6) === 0 ? 0 : random.below(upTo)), ...attributes(random) };
}

/** Fills the bucket: the large objects, every ninth empty, the rest sharing the other bytes. */
export async function fill(client: ObjectClient, random: Seeded, extent: Extent): Promise<void> {
  const keys = keysOf(extent);
  const large = 64 * MIB;
  const each = Math.floor((extent.bytes - extent.large * large) / (extent.objects - extent.large) / (8 / 9));
  const work = keys.entries();
  const lane = async (): Promise<void> => {
    for (const [index, key] of work) {
      const isLarge = index >= ODD_KEYS.length && index < ODD_KEYS.length + extent.large;
      const size = isLarge ? large : index % 9 === 0 ? 0 : each;
      await client.put(key, { body: random.bytes(size), ...attributes(random) });
    }
  };
  await Promise.all([lane(), lane(), lane(), lane()]);
}

/** A client that goes on writing, reading, deleting and listing until it is told to stop. */
export class Busy {
  #going = true;
  /** Operations done. */
  operations = 0;
  readonly #done: Promise<unknown>;

  constructor(
    private readonly client: ObjectClient,
    private readonly model: Model,
    private readonly random: Seeded,
  ) {
    this.#done = Promise.all([this.#lane(), this.#lane(), this.#lister()]);
    // Asked for at the stop; a failure before it must not end the process.
    this.#done.catch(() => (this.#going = false));
  }

  /** Rejects with what the client found wrong, if anything. */
  async stop(): Promise<void> {
    this.#going = false;
    await this.#done;
  }

  async #lane(): Promise<void> {
    while (this.#going) {
      await this.#operate();
      this.operations += 1;
    }
  }

  async #operate(): Promise<void> {
    const { client, random } = this;
    const roll = random.below(10);
    const key = roll === 0 ? `new/${random.below(200)}` : this.#known();
    if (key === undefined || this.model.isBusy(key)) return this.#rest();
    if (roll < 4) return client.put(key, smallDraft(random));
    if (roll === 4) return client.remove(key);
    if (roll === 5) return client.recolor(key, { color: `new shade ${random.below(1_000)}` });
    return client.read(key);
  }

  /** A key of the model that is not one of the large objects, which would only slow the client down. */
  #known(): string | undefined {
    const { keys } = this.model;
    const key = keys[this.random.below(keys.length)];
    const isLarge = key !== undefined && (this.model.certain(key)?.size ?? 0) > MIB * 16;
    return isLarge ? undefined : key;
  }

  async #lister(): Promise<void> {
    while (this.#going) {
      await this.client.list(this.random.pick([7, 100, 1_000]) === 7 ? 50 : 1_000);
      await this.#rest();
    }
  }

  #rest(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Reads every key back and lists all; answers how many objects there are. */
export async function checkAll(client: ObjectClient, model: Model): Promise<number> {
  const work = model.keys.values();
  const lane = async (): Promise<void> => {
    for (const key of work) await client.read(key);
  };
  await Promise.all([lane(), lane(), lane(), lane()]);
  return client.list(1_000);
}
