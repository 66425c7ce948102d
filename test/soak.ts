import { seedOfThisRun } from './seed.mjs';

/** True in `npm run test:soak`: the same suites at the length that finds what a short run misses. */
export const isSoak = process.env['SPUMONI_TEST_SOAK'] === '1';

/** What a random suite is to do: its extent, and the seed (and path into it) that repeats an earlier run. */
export interface Rounds {
  readonly runs: number;
  readonly steps: number;
  readonly seed: number;
  readonly path?: string;
  /** Which commands of that run count, as fast-check tells it beside them. */
  readonly replayPath?: string;
}

/** The short extent, or in the soak the long one; `SPUMONI_TEST_RUNS` sets how many runs (or kills) of that form. The seed is that of all random tests of this run. `SPUMONI_TEST_SEED`, `SPUMONI_TEST_PATH` and `SPUMONI_TEST_REPLAY`, as a failure prints seed, path and replayPath, repeat that failure. */
export function rounds(short: Pick<Rounds, 'runs' | 'steps'>, long: Pick<Rounds, 'runs' | 'steps'>): Rounds {
  const { SPUMONI_TEST_RUNS: runs, SPUMONI_TEST_PATH: path, SPUMONI_TEST_REPLAY: replayPath } = process.env;
  return {
    ...(isSoak ? long : short),
    ...(runs === undefined ? {} : { runs: Number(runs) }),
    seed: seedOfThisRun(),
    ...(path === undefined ? {} : { path }),
    ...(replayPath === undefined ? {} : { replayPath }),
  };
}
