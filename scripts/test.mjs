/**
 * Runs the tests by Jest and says what was skipped and why.
 *
 *   node scripts/test.mjs [jest arguments]             everything but the suites on real servers
 *   node scripts/test.mjs --servers [jest arguments]   only those (`*.servers.spec.ts`), one after another
 *   node scripts/test.mjs --soak [jest arguments]      the suites that have a long form (they import `test/soak.ts` or fast-check), at that length and with a fresh seed
 *
 * A skipped test's title ends in ` [skipped: reason]`; in a whole run, a skip without a reason is a failure. Closes with
 * `N passed, N failed, N skipped`; a suite that could not be loaded counts as one failure.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { clearInterval, setInterval } from 'node:timers';
import { freshSeed } from '../test/seed.mjs';
import { findNode, root } from './node-24.mjs';

const serversOnly = process.argv.includes('--servers');
const soak = process.argv.includes('--soak');
const passedThrough = process.argv.slice(2).filter((argument) => argument !== '--servers' && argument !== '--soak');
// Several soaks may run at once in one checkout, for hours: a result of another must not pass for the end of this one.
const kind = soak ? `.soak-${process.pid}` : serversOnly ? '.servers' : '';
const resultFile = join(root, '.cache', `test-results${kind}.json`);
const unnamed = 'no reason named';
/** How long Jest may take to end once all its results are written: something that a suite left open keeps it alive, and must not hold up the run. */
const LEAVE_MS = 30_000;

/** A suite says that it has a long form by asking for its length, or by stating properties, which can be tried at any length. */
function soakSuites() {
  const specs = ['apps', 'libs', 'test'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true }).map((file) => join(folder, file)),
  );
  const hasLongForm = (spec) => /(\/soak\.js|'fast-check)'/.test(readFileSync(join(root, spec), 'utf8'));
  return specs.filter((file) => file.endsWith('.spec.ts') && hasLongForm(file)).sort();
}

/** The soak explores: by a seed that no run had, unless one is given, which then all its suites have. The others repeat the gate's (test/seed.mjs). */
function environmentOf() {
  if (!soak) return process.env;
  const seed = process.env.SPUMONI_TEST_SEED ?? String(freshSeed());
  console.log(`The seed is ${seed}: SPUMONI_TEST_SEED=${seed} npm run test:soak makes the same choices.`);
  return { ...process.env, SPUMONI_TEST_SOAK: '1', SPUMONI_TEST_SEED: seed };
}

function selectionOf() {
  if (soak) return ['--runInBand', ...soakSuites().map((spec) => `--testMatch=<rootDir>/${spec}`)];
  return serversOnly
    ? ['--runInBand', '--passWithNoTests', '--testMatch=**/*.servers.spec.ts']
    : ['--testPathIgnorePatterns=/node_modules/', '--testPathIgnorePatterns=\\.servers\\.spec\\.ts$'];
}

function jestArguments() {
  return [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    join(root, 'node_modules', 'jest', 'bin', 'jest.js'),
    // A list option swallows the words after it, so a plain option stands between it and the paths passed through.
    ...selectionOf(),
    '--json',
    `--outputFile=${resultFile}`,
    ...passedThrough,
  ];
}

function runJest() {
  mkdirSync(join(root, '.cache'), { recursive: true });
  rmSync(resultFile, { force: true });
  const jest = spawn(findNode(), jestArguments(), {
    cwd: root,
    stdio: 'inherit',
    env: environmentOf(),
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => jest.kill(signal));
  const leaving = endOnceDone(jest);
  return new Promise((resolve, reject) => {
    jest.on('error', reject);
    jest.on('exit', (code, signal) => resolve(leaving.code() ?? code ?? 128 + constants.signals[signal]));
  });
}

/** Ends a Jest that stays after its results were written, and says so; `code` is then what the results say. */
function endOnceDone(jest) {
  let code;
  let doneAt;
  const look = () => {
    if (existsSync(resultFile)) doneAt ??= Date.now();
    if (doneAt === undefined || Date.now() - doneAt < LEAVE_MS) return;
    console.log(
      `\nJest did not end within ${LEAVE_MS / 1_000} s of its last test: a suite left something open. It is ended.`,
    );
    code = JSON.parse(readFileSync(resultFile, 'utf8')).success ? 0 : 1;
    jest.kill('SIGKILL');
  };
  const watch = setInterval(look, 1_000);
  jest.on('exit', () => clearInterval(watch));
  return { code: () => code };
}

/** Reason → full names of the tests skipped for it. */
function skipsByReason(results) {
  const groups = new Map();
  for (const test of results.testResults.flatMap((suite) => suite.assertionResults)) {
    if (!['pending', 'todo', 'skipped', 'disabled'].includes(test.status)) continue;
    const [, reason = unnamed] = /\[skipped: (.*)\]$/.exec(test.fullName) ?? [];
    groups.set(reason, [...(groups.get(reason) ?? []), test.fullName.replace(/ \[skipped: .*\]$/, '')]);
  }
  return groups;
}

function printSkips(groups) {
  for (const [reason, names] of groups) {
    console.log(`\nSkipped, ${reason} (${names.length}):`);
    for (const name of names) console.log(`  ${name}`);
  }
}

function report(code) {
  if (!existsSync(resultFile)) {
    console.log('\nJest ended without a result.');
    return code === 0 ? 1 : code;
  }
  const results = JSON.parse(readFileSync(resultFile, 'utf8'));
  const groups = skipsByReason(results);
  printSkips(groups);
  const skipped = results.numPendingTests + results.numTodoTests;
  const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
  console.log(`\n${results.numPassedTests} passed, ${failed} failed, ${skipped} skipped`);
  if (passedThrough.length === 0 && groups.has(unnamed)) {
    console.log('A skipped test names no reason: end its title in " [skipped: reason]".');
    return code === 0 ? 1 : code;
  }
  return code;
}

process.exitCode = report(await runJest());
if (soak) rmSync(resultFile, { force: true });
