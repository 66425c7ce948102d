import type { BucketDocument, ConfigurationSnapshot, LoadLimits, ObjectRecord, UploadStore } from '#libs/metadata';
import { ObjectsError, type Engine, type Quotas, type Reservation, type WishedWrite } from '#libs/objects';
import { countBucket } from '../usage/count-bucket.js';

/** A count older than this is made anew behind the callers' backs. */
const RECOUNT_MS = 60_000;
const PAGE = 1_000;

interface Usage {
  objects: number;
  bytes: number;
}

interface Count {
  /** By the last count, with what this process has changed since it began. */
  readonly usage: Usage;
  /** Held for writes under way, as far as the index does not show them yet. */
  readonly held: Usage;
  /** Changes while a count is under way, and what was held when it began: added to what it finds. So what is written meanwhile may count twice until the next count, but never not at all. */
  meanwhile: Usage | undefined;
  countedAt: number;
  ready: Promise<void>;
}

interface Limited {
  readonly whose: 'bucket' | 'user';
  readonly limits: LoadLimits;
  readonly count: Count;
}

export interface QuotaParts {
  readonly engine: Engine;
  /** The configuration if it is fresh, without waiting. */
  readonly snapshot: () => ConfigurationSnapshot | undefined;
  readonly freshSnapshot: () => Promise<ConfigurationSnapshot>;
  /** Uploads that are under way count as what they will be. */
  readonly uploads: Pick<UploadStore, 'reserved'>;
  /** Told of a count that failed; the old one holds on. */
  readonly onTrouble: (error: unknown) => void;
}

/**
 * Quotas by counts of the index, a minute old at most, and what this process has written and removed since. Other processes' writes show at the next count, so several processes together may pass
 * a quota by what they write within a minute; one process does only by what is deleted while a write that began by replacing it is under way. Writes under way hold their room. Costs nothing where no quota is set.
 */
export class CountedQuotas implements Quotas {
  readonly #counts = new Map<string, Count>();

  constructor(private readonly parts: QuotaParts) {}

  reserve(wish: WishedWrite): Promise<Reservation | undefined> | undefined {
    const snapshot = this.parts.snapshot();
    if (snapshot?.userLimits.size === 0 && snapshot.bucketLimits.size === 0) return undefined;
    return this.#reserve(wish, snapshot);
  }

  removed(bucket: BucketDocument, record: Pick<ObjectRecord, 'size'>): void {
    for (const key of [keyOf('bucket', bucket), keyOf('user', bucket)])
      change(this.#counts.get(key), { objects: -1, bytes: -record.size });
  }

  /** What was counted of a bucket, or of all of a user's, with what changed here since. */
  async usageOf(bucket: Pick<BucketDocument, 'id' | 'ownerId'>, whose: Limited['whose']): Promise<Readonly<Usage>> {
    const count = this.#countOf(keyOf(whose, bucket), () => this.#count(bucket, whose));
    await count.ready;
    return { ...count.usage };
  }

  async #reserve(wish: WishedWrite, known: ConfigurationSnapshot | undefined): Promise<Reservation | undefined> {
    const limited = await this.#limited(wish.bucket, known ?? (await this.parts.freshSnapshot()));
    if (limited.length === 0) return undefined;
    const stored = await this.parts.engine.index.getKey({ bucket: wish.bucket.id, key: wish.key });
    const before = wish.isBeside ? undefined : stored?.value.current;
    const replaced = before?.size ?? 0;
    const growth = (size: number): Usage => ({ objects: before ? 0 : 1, bytes: size - replaced });
    // From here on nothing is waited for: what is found free is held at once.
    const held = growth(wish.size ?? replaced);
    hold(limited, held);
    let isOver = false;
    const become = (after: Usage): void => {
      if (isOver) return;
      isOver = true;
      for (const { count } of limited) {
        add(count.held, { objects: -roomOf(held).objects, bytes: -roomOf(held).bytes });
        change(count, { objects: after.objects - held.objects, bytes: after.bytes - held.bytes });
      }
    };
    let came = 0;
    const take = (bytes: number): void => {
      came += bytes;
      const more = came - replaced - held.bytes;
      if (isOver || more <= 0) return;
      hold(limited, { objects: 0, bytes: more });
      held.bytes += more;
    };
    return {
      ...(wish.size === undefined ? { take } : {}),
      settle: ({ size, replaced }) =>
        become({ objects: replaced === undefined ? 1 : 0, bytes: size - (replaced ?? 0) }),
      cancel: () => become({ objects: 0, bytes: 0 }),
    };
  }

  async #limited(bucket: BucketDocument, snapshot: ConfigurationSnapshot): Promise<Limited[]> {
    const limited: Limited[] = [];
    for (const [whose, limits] of [
      ['bucket', snapshot.bucketLimits.get(bucket.name)],
      ['user', snapshot.userLimits.get(bucket.ownerId)],
    ] as const) {
      if (limits?.objects === undefined && limits?.bytes === undefined) continue;
      const count = this.#countOf(keyOf(whose, bucket), () => this.#count(bucket, whose));
      await count.ready;
      limited.push({ whose, limits, count });
    }
    return limited;
  }

  /** The count, made now if there is none. */
  #countOf(key: string, work: () => Promise<Usage>): Count {
    const now = this.parts.engine.clock.monotonic();
    let count = this.#counts.get(key);
    if (!count) {
      const [usage, held] = [nothing(), nothing()];
      count = { usage, held, meanwhile: undefined, countedAt: now, ready: Promise.resolve() };
      this.#counts.set(key, count);
      count.ready = this.#recount(count, work).catch((error: unknown) => {
        this.#counts.delete(key);
        throw error;
      });
    } else if (now - count.countedAt >= RECOUNT_MS && count.meanwhile === undefined) {
      this.#recount(count, work).catch(this.parts.onTrouble);
    }
    return count;
  }

  async #recount(count: Count, work: () => Promise<Usage>): Promise<void> {
    count.countedAt = this.parts.engine.clock.monotonic();
    const meanwhile = (count.meanwhile = { ...count.held });
    try {
      const found = await work();
      count.usage.objects = Math.max(0, found.objects + meanwhile.objects);
      count.usage.bytes = Math.max(0, found.bytes + meanwhile.bytes);
    } finally {
      count.meanwhile = undefined;
    }
  }

  async #count(of: Pick<BucketDocument, 'id' | 'ownerId'>, whose: Limited['whose']): Promise<Usage> {
    const { index } = this.parts.engine;
    if (whose === 'bucket') {
      const found = await index.getBucket(of.id);
      return found ? this.#countBucket(found.value) : { objects: 0, bytes: 0 };
    }
    const all: Usage = { objects: 0, bytes: 0 };
    let after: string | undefined;
    do {
      const page = await index.listBuckets({
        ownerId: of.ownerId,
        limit: PAGE,
        ...(after === undefined ? {} : { after }),
      });
      for (const bucket of page) {
        const { objects, bytes } = await this.#countBucket(bucket);
        all.objects += objects;
        all.bytes += bytes;
      }
      after = page.length < PAGE ? undefined : page.at(-1)?.name;
    } while (after !== undefined);
    return all;
  }

  async #countBucket(bucket: BucketDocument): Promise<Usage> {
    const snapshot = await this.parts.freshSnapshot();
    const { shares } = await countBucket(this.parts.engine, snapshot, bucket);
    const awaited = await this.parts.uploads.reserved(bucket.id);
    return {
      objects: shares.reduce((sum, { objects }) => sum + objects, awaited.objects),
      bytes: shares.reduce((sum, { bytes }) => sum + bytes, awaited.bytes),
    };
  }
}

function keyOf(whose: Limited['whose'], { id, ownerId }: Pick<BucketDocument, 'id' | 'ownerId'>): string {
  return whose === 'bucket' ? `bucket ${id}` : `user ${ownerId}`;
}

const nothing = (): Usage => ({ objects: 0, bytes: 0 });

function add(usage: Usage, by: Usage): void {
  usage.objects += by.objects;
  usage.bytes += by.bytes;
}

function change(count: Count | undefined, by: Usage): void {
  if (!count) return;
  add(count.usage, by);
  if (count.meanwhile) add(count.meanwhile, by);
}

/** What room a growth takes. What shrinks makes some only when it is done. */
const roomOf = ({ objects, bytes }: Usage): Usage => ({ objects: Math.max(0, objects), bytes: Math.max(0, bytes) });

/** Holds room in every count, or in none: fails with `quota-exceeded` if it does not fit. */
function hold(limited: readonly Limited[], growth: Usage): void {
  for (const one of limited) assertFits(one, growth);
  for (const { count } of limited) {
    add(count.held, roomOf(growth));
    change(count, growth);
  }
}

/** Fails with `quota-exceeded` if the growth of an object does not fit. What does not grow always fits. */
function assertFits({ whose, limits, count }: Limited, { objects, bytes }: Usage): void {
  const { usage } = count;
  const told = (quota: 'objects' | 'bytes', limit: number, used: number, what: string): ObjectsError =>
    new ObjectsError(
      'quota-exceeded',
      `${what}; the quota of the ${whose === 'bucket' ? 'bucket' : 'bucket’s owner'} is ${limit}`,
      {
        facts: { quota, of: whose, limit, used },
      },
    );
  if (limits.objects !== undefined && objects > 0 && usage.objects + objects > limits.objects)
    throw told('objects', limits.objects, usage.objects, `${usage.objects} objects are stored already`);
  if (limits.bytes !== undefined && bytes > 0 && usage.bytes + bytes > limits.bytes)
    throw told(
      'bytes',
      limits.bytes,
      usage.bytes,
      `${usage.bytes} bytes are stored already, and ${bytes} more would come`,
    );
}
