/** What a client knows of an object it wrote. */
export interface Known {
  readonly md5: string;
  readonly size: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
}

/** null: there is no object. */
export type Content = Known | null;

/** Two contents are the same if they read the same: names of metadata and tags in any order. */
export function nameOf(content: Content): string {
  if (content === null) return 'nothing';
  const sorted = (pairs: Readonly<Record<string, string>>): unknown =>
    Object.entries(pairs).sort(([one], [other]) => (one < other ? -1 : 1));
  return JSON.stringify([content.md5, content.size, sorted(content.metadata), sorted(content.tags)]);
}

/**
 * The client's own idea of a bucket. Of each key one operation at a time is under way. Only an operation that ended with a 5xx leaves more than one possibility, and the next read that
 * succeeds settles it.
 */
export class Model {
  readonly #possible = new Map<string, readonly Content[]>();
  readonly #busy = new Set<string>();
  /** Raised whenever an operation on a key begins or ends; tells what stood still between two moments. */
  readonly #touched = new Map<string, number>();
  #clock = 0;

  get keys(): readonly string[] {
    return [...this.#possible.keys()];
  }

  possible(key: string): readonly Content[] {
    return this.#possible.get(key) ?? [null];
  }

  /** The one content that is possible; undefined where several are. */
  certain(key: string): Content | undefined {
    const possible = this.possible(key);
    return possible.length === 1 ? possible[0] : undefined;
  }

  settle(key: string, content: Content): void {
    this.#possible.set(key, [content]);
  }

  /** An operation ended in neither success nor definite failure: before or after are possible. */
  doubt(key: string, after: Content): void {
    this.#possible.set(key, [...this.possible(key), after]);
  }

  isBusy(key: string): boolean {
    return this.#busy.has(key);
  }

  /** Runs one operation of a key alone. */
  async alone(key: string, work: () => Promise<void>): Promise<void> {
    if (this.#busy.has(key)) throw new Error(`two operations on ${key}`);
    this.#busy.add(key);
    this.#touch(key);
    try {
      await work();
    } finally {
      this.#busy.delete(key);
      this.#touch(key);
    }
  }

  now(): number {
    return this.#clock;
  }

  /** True for a key that no operation was changing at any time since then. */
  stoodStillSince(key: string, moment: number): boolean {
    return !this.#busy.has(key) && (this.#touched.get(key) ?? 0) <= moment;
  }

  #touch(key: string): void {
    this.#clock += 1;
    this.#touched.set(key, this.#clock);
  }
}
