import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { DeafLine } from '../../../test/servers/deaf-line.js';
import type { ControlPlane } from '../src/control-plane/index.js';
import { TestPostgres } from './control-plane-server.js';

const POOL = 5;
const PATIENCE_MS = 60_000;
const PORT = 5432;

/** The connections to Postgres, and then the whole way there, swallow what they are sent: as a firewall that has forgotten them does, or a machine that stands still. */
const postgres = new TestPostgres();
const directory = mkdtempSync(join(tmpdir(), 'spumoni-deaf-'));
let line: DeafLine;
let plane: ControlPlane;

beforeAll(async () => {
  await postgres.start();
  const real = await postgres.freshDatabase();
  const socket = (host: string): string => join(host, `.s.PGSQL.${String(real.port ?? PORT)}`);
  line = await DeafLine.between(socket(directory), socket(real.host));
  plane = await postgres.open({ connection: { ...real, host: directory }, poolSize: POOL });
}, 60_000);
afterAll(async () => {
  await line.close();
  await postgres.dispose();
  rmSync(directory, { recursive: true, force: true });
});

/** As many questions at once as there are connections in the pool. */
async function allAnswer(): Promise<boolean> {
  const answers = await Promise.all(Array.from({ length: POOL }, () => plane.ping()));
  return answers.every(Boolean);
}

async function untilAllAnswer(): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await allAnswer()))
    if (performance.now() > deadline) throw new Error('connections that swallow all stay in the pool');
  await plane.configuration.current();
}

it('a connection that swallows all is made anew by the first that waits for it in vain, and not handed on to the next', async () => {
  await untilAllAnswer();
  line.swallow();
  await untilAllAnswer();
}, 120_000);

it('a way that swallows all is told in time, keeps nobody waiting once it carries again, and does not keep the control plane from closing', async () => {
  line.swallowAll();
  expect(await allAnswer()).toBe(false);
  await expect(plane.configuration.current()).rejects.toMatchObject({ kind: 'unavailable' });
  line.carry();
  await untilAllAnswer();
  line.swallowAll();
  await plane.close();
}, 120_000);
