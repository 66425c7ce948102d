/**
 * Writes docs/licences.md: the licence of every package that a production install brings, as its own package.json says it. Fails for one that is not among those known to suit Apache-2.0.
 *
 *   node scripts/licences.mjs           writes the page
 *   node scripts/licences.mjs --check   exits with 1 if the page and the lock file differ
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './node-24.mjs';
import { keepPage, table } from './reference-page.mjs';

const SUITABLE = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT-0',
  'Python-2.0',
  'Unlicense',
]);

/** `MIT OR X`: one suitable is enough; `A AND B`: all must be. */
function isSuitable(licence) {
  const bare = licence.replace(/[()]/g, '');
  return bare.split(' OR ').some((choice) => choice.split(' AND ').every((name) => SUITABLE.has(name.trim())));
}

/** Production packages of the lock file. Optional ones of other systems are listed too: they are installed there. */
function packages() {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  return Object.entries(lock.packages)
    .filter(([path, { dev, devOptional }]) => path !== '' && !dev && !devOptional)
    .map(([path, { version, license }]) => ({
      name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
      version,
      licence: license ?? licenceOf(path),
    }));
}

/** Older packages write their licence in another form, which the lock file leaves out. */
function licenceOf(path) {
  const { license, licenses } = JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8'));
  return license?.type ?? licenses?.map(({ type }) => type).join(' OR ') ?? 'not named';
}

function pageOf(found) {
  const byLicence = Map.groupBy(found, ({ licence }) => licence);
  const rows = [...byLicence]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([licence, all]) => [licence, all.length, [...new Set(all.map(({ name }) => name))].sort().join(', ')]);
  const head =
    'What a production install of Spumoni (Apache-2.0) brings. Written by `npx node scripts/licences.mjs` from package-lock.json; `npm run sbom` prints a software bill of materials (CycloneDX).';
  return `# Licences\n\n${head}\n\n${table(['licence', 'packages', 'which'], rows)}\n`;
}

const found = packages();
for (const { name, version, licence } of found.filter((one) => !isSuitable(one.licence))) {
  console.error(`${name} ${version}: ${licence} is not among the licences known to suit Apache-2.0`);
  process.exitCode = 1;
}
await keepPage('docs/licences.md', pageOf(found));
