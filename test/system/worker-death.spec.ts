import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { objectPath } from './client.js';
import { RunningSpumoni, until } from './running-spumoni.js';

/** The worker kills itself in the middle, at its 30th commit. */
const OBJECTS = 60;
const ENVIRONMENT = {
  SPUMONI_CRASH_AT: 'committed:30@worker',
  // An hour: far more than this test would wait.
  SPUMONI_DEAD_AFTER_SECONDS: '3600',
  SPUMONI_MIGRATION_PARALLEL: '1',
};

describe('a job whose worker dies under the supervisor', () => {
  let spumoni: RunningSpumoni | undefined;
  let disk = '';
  beforeAll(async () => {
    disk = await mkdtemp(join(tmpdir(), 'spumoni-disk-'));
    spumoni = await RunningSpumoni.start({ environment: ENVIRONMENT });
  }, 150_000);
  afterAll(async () => {
    await spumoni?.stop();
    await rm(disk, { recursive: true, force: true });
  }, 60_000);

  it('goes on with the next worker, which does not wait for a heartbeat to grow old', async () => {
    if (!spumoni) throw new Error('not running');
    const client = spumoni.client();
    const json = { name: 'disk', type: 'filesystem', options: { path: disk } };
    await client.expect(201, 'POST', '/admin/v1/backends', { json });
    await client.expect(200, 'PUT', '/v1/moving', { json: { backend: 'local' } });
    for (let n = 0; n < OBJECTS; n += 1)
      await client.expect(200, 'PUT', objectPath('moving', `key-${n}`), { body: `text of ${n}` });
    const begun = await client.expect(202, 'POST', '/admin/v1/migrations', {
      json: { bucket: 'moving', destination: { backend: 'disk' } },
    });
    const { id } = begun.json() as { id: string };
    const state = async (): Promise<string> =>
      ((await client.expect(200, 'GET', `/admin/v1/migrations/${id}`)).json() as { state: string }).state;
    await until('the migration has ended', 120_000, async () => (await state()) === 'completed');
    for (const line of [/The worker crashed \(it was ended by SIGKILL\)/g, /jobs of a worker that died go on/g]) {
      const told = (): number => spumoni?.output.match(line)?.length ?? 0;
      // What a process has printed is read a moment later.
      await until(String(line), 60_000, () => Promise.resolve(told() > 0));
      expect(told()).toBe(1);
    }
    for (let n = 0; n < OBJECTS; n += 1)
      expect((await client.expect(200, 'GET', objectPath('moving', `key-${n}`))).text()).toBe(`text of ${n}`);
  }, 240_000);
});
