/**
 * Every check that needs no running program: format, lint, types, boundaries and cycles, drift of the API's description.
 * All run, two at a time; the failed ones are named at the end and make the exit code 1.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { findNode, root } from './node-24.mjs';

const atOnce = 2;
const bin = (name) => join(root, 'node_modules', '.bin', name);
const folders = ['libs', 'apps'].filter((name) => existsSync(join(root, name)));

const checks = [
  { name: 'lint', args: [bin('eslint'), '--cache', '--cache-location', '.cache/eslint/', '--max-warnings=0', '.'] },
  { name: 'types', args: [bin('tsc'), '-p', 'tsconfig.json'] },
  {
    name: 'format',
    args: [bin('prettier'), '--check', '--log-level=warn', '--cache', '--cache-location', '.cache/prettier', '.'],
  },
  { name: 'boundaries', args: [bin('depcruise'), '--config', '.dependency-cruiser.cjs', ...folders] },
  { name: 'configuration reference', args: ['scripts/configuration-reference.mjs', '--check'] },
  { name: 'vendor reference', args: ['scripts/vendor-reference.mjs', '--check'] },
  { name: 'licences', args: ['scripts/licences.mjs', '--check'] },
  { name: 'openapi', args: ['scripts/openapi.mjs', '--check'], needs: 'scripts/openapi.mjs' },
].filter(({ needs }) => needs === undefined || existsSync(join(root, needs)));

const running = new Set();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    for (const child of running) child.kill(signal);
    process.exit(1);
  });
}

/** Runs one check; its output appears whole when it ends, so that two never mix. */
function run({ name, args }) {
  const began = Date.now();
  const child = spawn(findNode(), args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  const output = [];
  child.stdout.on('data', (chunk) => output.push(chunk));
  child.stderr.on('data', (chunk) => output.push(chunk));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      running.delete(child);
      const seconds = ((Date.now() - began) / 1000).toFixed(1);
      console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
      if (code !== 0) process.stdout.write(Buffer.concat(output));
      resolve(code === 0);
    });
  });
}

mkdirSync(join(root, '.cache'), { recursive: true });
const waiting = [...checks];
const failed = [];
async function takeTurns() {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
    if (!(await run(next))) failed.push(next.name);
}
await Promise.all(Array.from({ length: atOnce }, takeTurns));
console.log(failed.length === 0 ? 'All checks passed.' : `Failed: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
