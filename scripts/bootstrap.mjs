/**
 * Makes a checkout ready to run: installs the locked packages and builds, each only if it must. Runs under any Node from 20 on,
 * since npm starts it before the packaged Node 24 exists. A warm call costs well under a second.
 *
 *   node scripts/bootstrap.mjs install   packages only
 *   node scripts/bootstrap.mjs build     packages, then dist/
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { findNode, nodeWillDo, refusal, root } from './node-24.mjs';
import { oneAtATime } from './one-at-a-time.mjs';

const lockWaitMs = 15 * 60_000;
const lockFile = join(root, 'package-lock.json');
const installedFile = join(root, 'node_modules', '.package-lock.json');
/** Engine warnings are about this Node, which only installs; the product runs under the packaged one. */
const quietly = ['--no-audit', '--no-fund', '--loglevel=error'];
const stampFile = join(root, 'dist', '.built');

function run(command, args) {
  const { status, signal, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (error) throw new Error(`${command} did not start: ${error.message}`, { cause: error });
  if (status !== 0) throw new Error(`${[command, ...args].join(' ')} ended with ${signal ?? `code ${status}`}`);
}

/** A file's time changes by a mere checkout, so a newer lock file is read before the packages are judged old. */
function packagesAreCurrent() {
  if (!existsSync(installedFile)) return false;
  if (statSync(installedFile).mtimeMs >= statSync(lockFile).mtimeMs) return true;
  const wanted = JSON.parse(readFileSync(lockFile, 'utf8')).packages;
  const installed = JSON.parse(readFileSync(installedFile, 'utf8')).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    const found = installed[path];
    return found === undefined
      ? entry.optional === true
      : found.version === entry.version && found.integrity === entry.integrity;
  });
}

function install() {
  console.log('Installing packages (npm ci) …');
  const npm = process.env.npm_execpath;
  if (npm === undefined) run('npm', ['ci', ...quietly]);
  else run(process.execPath, [npm, 'ci', ...quietly]);
}

function* sourcesIn(directory) {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory() && entry.name !== 'test') yield* sourcesIn(path);
    else if (entry.isFile() && entry.name.endsWith('.ts')) yield path;
  }
}

function sourceFiles() {
  const folders = ['apps', 'libs'].map((name) => join(root, name)).filter((path) => existsSync(path));
  return folders.flatMap((folder) => [...sourcesIn(folder)]).sort();
}

/** Names, sizes and times of everything the build reads: an edit, a new file, a removal and a checkout all change it. */
function fingerprint() {
  const hash = createHash('sha256');
  const settings = ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'node_modules/typescript/package.json'];
  for (const path of [...settings.map((name) => join(root, name)), ...sourceFiles()]) {
    const { mtimeMs, size } = statSync(path);
    hash.update(`${relative(root, path)} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

function builtFingerprint() {
  return existsSync(stampFile) ? readFileSync(stampFile, 'utf8') : '';
}

/** A module whose source is gone must not stay importable. */
function removeOrphans() {
  const wanted = new Set(sourceFiles().map((path) => relative(root, path).replace(/\.ts$/, '')));
  const built = (directory) =>
    readdirSync(directory, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? built(join(directory, entry.name)) : [join(directory, entry.name)],
    );
  for (const path of built(join(root, 'dist'))) {
    const name = relative(join(root, 'dist'), path);
    if (/\.js(\.map)?$/.test(name) && !wanted.has(name.replace(/\.js(\.map)?$/, ''))) rmSync(path);
  }
}

function build(print) {
  console.log('Building …');
  // Emitted files may have been lost without tsc's knowledge: without a stamp of a finished build, start afresh.
  if (!existsSync(stampFile)) rmSync(join(root, 'dist'), { recursive: true, force: true });
  rmSync(stampFile, { force: true });
  run(findNode(), [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.build.json']);
  removeOrphans();
  mkdirSync(join(root, 'dist'), { recursive: true });
  writeFileSync(stampFile, print);
}

function makeReady(withBuild) {
  if (!packagesAreCurrent()) install();
  findNode();
  if (!withBuild) return;
  // Taken before the build: a file edited while tsc runs leaves the stamp old, and the next call builds again.
  const print = fingerprint();
  if (print !== builtFingerprint()) build(print);
}

function isReady(withBuild) {
  return packagesAreCurrent() && (!withBuild || fingerprint() === builtFingerprint());
}

function main() {
  const task = process.argv[2] ?? 'build';
  if (task !== 'build' && task !== 'install') throw new Error(`unknown task "${task}"; expected install or build`);
  if (!nodeWillDo()) throw new Error(refusal);
  const withBuild = task === 'build';
  if (isReady(withBuild)) return;
  oneAtATime(join(root, '.cache', 'bootstrap.lock'), lockWaitMs, () => makeReady(withBuild));
}

try {
  main();
} catch (error) {
  console.error(`bootstrap: ${error.message}`);
  process.exitCode = 1;
}
