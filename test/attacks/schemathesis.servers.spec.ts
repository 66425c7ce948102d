import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { findServer } from '../servers/cache.mjs';
import { isSoak, rounds } from '../soak.js';
import { RunningSpumoni } from '../system/running-spumoni.js';

const REPOSITORY = resolve(import.meta.dirname, '../..');
const SECONDS = isSoak ? 600 : 120;
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
];

/** Runs schemathesis to its end; answers what it printed, and its exit code. */
async function attack(
  python: string,
  args: readonly string[],
  directory: string,
): Promise<{ code: number; said: string }> {
  const child = spawn(python, ['-m', 'schemathesis.cli', ...args], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', HOME: directory, COLUMNS: '180', NO_COLOR: '1' },
  });
  const printed: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => printed.push(chunk));
  const [code] = (await once(child, 'close')) as [number];
  return { code, said: Buffer.concat(printed).toString('utf8') };
}

/** An honest "not offered" is a 5xx too, and a quota that is full; neither is a defect. */
const CONFIGURATION = `
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "501", "507"]
`;

/** The description and the tool's configuration, in a directory of the run; the disk that an example would make lies there too. */
async function describeTo(directory: string): Promise<readonly string[]> {
  const description = await readFile(join(REPOSITORY, 'openapi.yaml'), 'utf8');
  await writeFile(join(directory, 'openapi.yaml'), description.replaceAll('/tmp/', `${directory}/`));
  await writeFile(join(directory, 'schemathesis.toml'), CONFIGURATION);
  return ['--config-file', join(directory, 'schemathesis.toml'), 'run', join(directory, 'openapi.yaml')];
}

describe('requests made up from openapi.yaml', () => {
  const tool = findServer('schemathesis');
  if (!tool) {
    it.skip('are answered as it says [skipped: schemathesis is not installed]', () => undefined);
    return;
  }
  let spumoni: RunningSpumoni | undefined;
  const { seed } = rounds({ runs: 1, steps: 1 }, { runs: 1, steps: 1 });
  beforeAll(async () => {
    spumoni = await RunningSpumoni.start();
  }, 120_000);
  afterAll(() => spumoni?.stop());

  it(
    `are answered as it says for ${SECONDS} s: no 5xx, no other status, header or schema (seed ${seed})`,
    async () => {
      if (!spumoni) throw new Error('not running');
      const { accessKey, secretKey } = spumoni.credentials;
      const { code, said } = await attack(
        tool.entry,
        [
          ...(await describeTo(spumoni.dataDirectory)),
          ...['--url', spumoni.url, '--auth', `${accessKey}:${secretKey}`],
          ...['--checks', CHECKS.join(','), '--max-time', String(SECONDS), '--seed', String(seed >>> 0)],
          // These would sooner or later change the key that is used here, or slow it to a request a second: all the rest would be a 401 or a 429.
          ...['--exclude-path-regex', '^/admin/v1/keys/|/limits$'],
          ...['--request-timeout', '60', '--continue-on-failure', '--suppress-health-check', 'all', '--no-shrink'],
        ],
        spumoni.dataDirectory,
      );
      if (code !== 0) throw new Error(said.slice(-20_000));
      expect((await spumoni.client().send('GET', '/v1/')).status).toBe(200);
      expect(said).toMatch(/\d+ (generated|test cases)/);
    },
    (SECONDS + 300) * 1_000,
  );
});
