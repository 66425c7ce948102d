/** Entries walked before other work gets its turn: about 5 ms. */
const WALK_BETWEEN_TURNS = 2000;

/** Lets everything else that waits have a turn, once every WALK_BETWEEN_TURNS calls. */
export class Turns {
  #walked = 0;

  /** Counts one entry; true when it is time to `await otherWork()`. */
  isOver(): boolean {
    return ++this.#walked % WALK_BETWEEN_TURNS === 0;
  }
}

/** Resolves after everything else that waits had a turn. */
export function otherWork(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The first `limit` entries that `pick` gives an answer for, walked in order without keeping other work from its turn. */
export async function takeSome<E, T>(
  entries: Iterable<E>,
  limit: number,
  pick: (entry: E) => T | undefined,
): Promise<T[]> {
  const taken: T[] = [];
  if (limit === 0) return taken;
  const turns = new Turns();
  for (const entry of entries) {
    const picked = pick(entry);
    if (picked !== undefined) taken.push(picked);
    if (taken.length === limit) break;
    if (turns.isOver()) await otherWork();
  }
  return taken;
}
