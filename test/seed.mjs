/** What the random choices of the gate begin with, on every machine and in every run: the same code has the same verdict (docs/adr/0023). */
const OF_THE_GATE = 20_251_122;

/** The seed of this run, a signed whole number of 32 bits: `SPUMONI_TEST_SEED`, which the soak sets to a fresh one, else the gate's. Fails if that is no whole number. */
export function seedOfThisRun() {
  const given = process.env.SPUMONI_TEST_SEED;
  if (given === undefined) return OF_THE_GATE;
  if (!/^-?\d+$/.test(given)) throw new Error(`SPUMONI_TEST_SEED is ${given}: expected a whole number`);
  return Number(given) | 0;
}

/** A seed that no run had. */
export function freshSeed() {
  return Math.floor(Math.random() * 2 ** 32) | 0;
}
