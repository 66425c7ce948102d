/** Finds the Node that runs the product: the packaged one where it fits, else the Node at hand if it is new enough. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout's top folder. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const wanted = 24;
const packagedPlatforms = ['linux-x64', 'linux-arm64'];
const here = `${process.platform}-${process.arch}`;

/** True if this machine can run the product once the packages are installed. */
export function nodeWillDo() {
  return packagedPlatforms.includes(here) || Number.parseInt(process.versions.node, 10) >= wanted;
}

/** What to tell a person whose Node will not do. */
export const refusal =
  `Spumoni runs on Node ${wanted} or newer. This is Node ${process.versions.node} on ${here}, ` +
  `and npm carries a packaged Node ${wanted} only for ${packagedPlatforms.join(' and ')}. Install Node ${wanted} and run the command again.`;

/** Path of a Node 24 or newer; throws with advice if there is none. */
export function findNode() {
  const packaged = join(root, 'node_modules', `node-${here}`, 'bin', 'node');
  if (packagedPlatforms.includes(here) && existsSync(packaged)) return packaged;
  if (Number.parseInt(process.versions.node, 10) >= wanted) return process.execPath;
  if (packagedPlatforms.includes(here)) {
    throw new Error(
      `The packaged Node ${wanted} is missing (${packaged}). Install with optional packages: npm ci --include=optional`,
    );
  }
  throw new Error(refusal);
}
