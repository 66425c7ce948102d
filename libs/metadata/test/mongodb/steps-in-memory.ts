import type { BucketDocument, BucketId, KeyDocument } from '#libs/metadata';
import type {
  Announcement,
  BucketSteps,
  Expectation,
  HeldBucket,
  KeySteps,
  Steps,
} from '../../src/object-index/mongodb/steps.js';

type Gate = (step: string) => Promise<void>;

interface Entry {
  readonly version?: number;
  readonly document?: KeyDocument;
  readonly permit?: string;
}

/** The documents that the steps work on, in memory. Each step waits at the gate and then is done at once, as an operation on one document is. */
export class StepsInMemory {
  readonly entries = new Map<string, Entry>();
  readonly held = new Map<BucketId, HeldBucket>();
  #last = 0;

  steps(gate: Gate): Steps {
    return {
      keys: this.#keySteps(gate),
      buckets: this.#bucketSteps(gate),
      newId: () => `id-${this.next()}`,
      pause: () => gate('pause'),
      patience: 1,
    };
  }

  next(): number {
    this.#last += 1;
    return this.#last;
  }

  #keySteps(gate: Gate): KeySteps {
    const { entries } = this;
    const asExpected = (key: string, { expected, permit }: Expectation): boolean => {
      const entry = entries.get(key);
      return (entry?.version ?? null) === expected && (permit === undefined || entry?.permit === permit);
    };
    return {
      look: async ({ key }) => {
        await gate('look');
        return entries.get(key);
      },
      takePermit: async ({ key }, expected, permit) => {
        await gate('take permit');
        const entry = entries.get(key);
        if ((entry?.version ?? null) !== expected || entry?.permit !== undefined) return false;
        entries.set(key, { ...entry, permit });
        return true;
      },
      put: async ({ key }, expectation, document) => {
        await gate('put');
        if (!asExpected(key, expectation)) return false;
        entries.set(key, { version: this.next(), document });
        return true;
      },
      remove: async ({ key }, expectation) => {
        await gate('remove');
        return asExpected(key, expectation) && entries.delete(key);
      },
      revoke: async ({ address: { key }, permit }) => {
        await gate('revoke');
        const entry = entries.get(key);
        if (entry?.permit !== permit) return;
        const { permit: _gone, ...rest } = entry;
        if (rest.version === undefined) entries.delete(key);
        else entries.set(key, rest);
      },
      permitsOf: async (bucket) => {
        await gate('search permits');
        return [...entries].flatMap(([key, { permit }]) =>
          permit === undefined ? [] : { address: { bucket, key }, permit },
        );
      },
      holdsKeys: async () => {
        await gate('search keys');
        return [...entries.values()].some(({ version }) => version !== undefined);
      },
    };
  }

  #bucketSteps(gate: Gate): BucketSteps {
    const { held } = this;
    const isAnnounced = (id: BucketId, { id: name }: Announcement): boolean => held.get(id)?.announced?.id === name;
    const isFree = (id: BucketId, expected: number): boolean => {
      const bucket = held.get(id);
      return bucket?.version === expected && bucket.announced === undefined;
    };
    const set = (document: BucketDocument): true => {
      held.set(document.id, { version: this.next(), document });
      return true;
    };
    return {
      read: async (id) => {
        await gate('read bucket');
        return held.get(id);
      },
      insert: async (document) => {
        await gate('insert bucket');
        return !held.has(document.id) && set(document);
      },
      replace: async (expected, document) => {
        await gate('replace bucket');
        return isFree(document.id, expected) && set(document);
      },
      announce: async (id, expected, announced) => {
        await gate('announce');
        const bucket = held.get(id);
        if (bucket === undefined || !isFree(id, expected)) return false;
        held.set(id, { ...bucket, announced });
        return true;
      },
      complete: async (id, announcement) => {
        await gate('complete');
        if (!isAnnounced(id, announcement)) return false;
        return announcement.next === undefined ? held.delete(id) : set(announcement.next);
      },
      withdraw: async (id, announcement) => {
        await gate('withdraw');
        const bucket = held.get(id);
        if (bucket === undefined || !isAnnounced(id, announcement)) return false;
        held.set(id, { version: bucket.version, document: bucket.document });
        return true;
      },
    };
  }
}
