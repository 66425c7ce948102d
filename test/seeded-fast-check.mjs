/**
 * What a test gets that imports `fast-check` (jest.config.mjs maps it): the library itself, but each property begins with the seed of this run, not with one of its own making, and takes as many examples as this run asks for:
 * - `SPUMONI_TEST_RUNS`: so many examples of each property that says fewer.
 * - in the soak: a hundred times what it says.
 * - `SPUMONI_TEST_PATH` and `SPUMONI_TEST_REPLAY`, as a failure prints `path` and `replayPath`: that example of it alone.
 * What a property passes itself as `seed` or `path` stands.
 */
import library from '../node_modules/fast-check/lib/fast-check.js';
import { seedOfThisRun } from './seed.mjs';

export * from '../node_modules/fast-check/lib/fast-check.js';

/** What the library takes where neither the property nor the run says. */
const USUAL_RUNS = 100;
const SOAK_TIMES = 100;

const { SPUMONI_TEST_SOAK: soak, SPUMONI_TEST_RUNS: runs, SPUMONI_TEST_PATH: path } = process.env;
const { SPUMONI_TEST_REPLAY: replayPath } = process.env;

function extent(parameters = {}) {
  const short = parameters.numRuns ?? USUAL_RUNS;
  const numRuns = runs !== undefined ? Math.max(short, Number(runs)) : soak === '1' ? short * SOAK_TIMES : short;
  return { seed: seedOfThisRun(), ...(path === undefined ? {} : { path }), ...parameters, numRuns };
}

export const assert = (property, parameters) => library.assert(property, extent(parameters));
export const check = (property, parameters) => library.check(property, extent(parameters));
export const commands = (kinds, constraints) =>
  library.commands(kinds, { ...(replayPath === undefined ? {} : { replayPath }), ...constraints });
/** Takes as many as it is asked for: what is sampled is looked at in ways that count on it. */
export const sample = (generator, parameters) =>
  library.sample(generator, {
    seed: seedOfThisRun(),
    ...(typeof parameters === 'number' ? { numRuns: parameters } : parameters),
  });

export default { ...library, assert, check, commands, sample };
