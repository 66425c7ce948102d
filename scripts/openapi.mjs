/**
 * The description of the REST API, made from the code.
 *
 *   node scripts/openapi.mjs           writes openapi.yaml
 *   node scripts/openapi.mjs --check   fails, saying where, if openapi.yaml is not what the code says
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findNode, root } from './node-24.mjs';

const file = join(root, 'openapi.yaml');
const program = join(root, 'dist', 'apps', 'api', 'src', 'openapi', 'write-description.js');
const built = spawnSync(findNode(), [join(root, 'scripts', 'bootstrap.mjs'), 'build'], { stdio: ['ignore', 2, 2] });
if (built.status !== 0) throw new Error('the build failed; the description is made from what is built');

const { apiDescription } = await import(program);
const described = await apiDescription();
if (!process.argv.includes('--check')) {
  writeFileSync(file, described);
  console.log(`openapi.yaml: ${described.split('\n').length} lines`);
} else {
  const kept = readFileSync(file, 'utf8').split('\n');
  const line = described.split('\n').findIndex((text, index) => text !== kept[index]);
  if (described !== kept.join('\n')) {
    console.error(`openapi.yaml differs from the code, first in line ${line + 1}; run: node scripts/openapi.mjs`);
    process.exitCode = 1;
  }
}
