/** Chances that are the same in every run with the same seed. */
export interface Random {
  /** A whole number from 0 to below `limit`. */
  below(limit: number): number;
  shuffled<T>(items: readonly T[]): T[];
}

/** Marsaglia's xorshift of 32 bits: good enough to choose what to kill. */
export function seededRandom(seed: number): Random {
  let state = seed | 1;
  const below = (limit: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
  const shuffled = <T>(items: readonly T[]): T[] => {
    const order = items.map((item) => ({ item, place: below(2 ** 31) }));
    return order.sort((a, b) => a.place - b.place).map(({ item }) => item);
  };
  return { below, shuffled };
}
