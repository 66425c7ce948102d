/**
 * Runs the commands of a page against a running Spumoni, in order, and compares every answer with the one that the page shows.
 *
 *   SPUMONI=http://127.0.0.1:8080 KEYS=<access key>:<secret key> npx node scripts/tour.mjs [options] [page…]
 *
 *   --start     starts a Spumoni of its own for each page, in a temporary directory, instead of using a running one
 *   --servers   starts MinIO, Azurite and fake-gcs-server too, and runs the parts of the page that register them
 *   --show      prints every command with its answer
 *
 * The page is README.md unless told otherwise. Needs Node 24, curl, bash, and with --start a build. See test/tour/tour-page.ts for how a page marks its tour.
 */
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import './typescript-source.mjs';
import { root } from './node-24.mjs';

const load = (path) => import(pathToFileURL(join(root, path)).href);
const options = new Set(process.argv.slice(2).filter((argument) => argument.startsWith('--')));
const pages = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));

function show({ command }, { output }) {
  console.log(`$ ${command}\n${output}\n`);
}

/** An own Spumoni, or the running one that the environment names. */
async function spumoni() {
  if (options.has('--start')) {
    const { RunningSpumoni } = await load('test/system/running-spumoni.ts');
    const own = await RunningSpumoni.start();
    const { accessKey, secretKey } = own.credentials;
    const { url, dataDirectory } = own;
    return { url, dataDirectory, keys: `${accessKey}:${secretKey}`, stop: () => own.stop() };
  }
  const { SPUMONI: url = 'http://127.0.0.1:8080', KEYS: keys } = process.env;
  if (keys === undefined)
    throw new Error('set KEYS=<access key>:<secret key> as `npm start` printed them, or give --start');
  return { url, keys, stop: async () => undefined };
}

async function tourOf(page) {
  const { runTour } = await load('test/tour/run-tour.ts');
  const { startTourServers } = await load('test/tour/tour-servers.ts');
  const servers = options.has('--servers') ? await startTourServers() : undefined;
  try {
    const { url, dataDirectory, keys, stop } = await spumoni();
    try {
      const steps = await runTour({
        page,
        url,
        keys,
        ...(dataDirectory ? { dataDirectory } : {}),
        ...(servers ? { servers: servers.environment } : {}),
        ...(options.has('--show') ? { onStep: show } : {}),
      });
      console.log(`${page}: ${steps} commands, every answer as shown`);
    } finally {
      await stop();
    }
  } finally {
    await servers?.stop();
  }
}

try {
  for (const page of pages.length === 0 ? ['README.md'] : pages) await tourOf(page);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
