import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { objectPath, type Client } from './client.js';
import { RunningSpumoni, until } from './running-spumoni.js';

const PROGRAMS = resolve(import.meta.dirname, '../../dist/apps/supervisor/src');
const BUCKET = 'guarded-photos';

/** Runs a command of package.json as npm does, on the data directory; resolves with what it printed. */
async function run(command: 'backup' | 'restore', dataDirectory: string, ...args: string[]): Promise<string> {
  const env = { PATH: process.env['PATH'], SPUMONI_DATA_DIR: dataDirectory };
  const program = join(PROGRAMS, `${command}.js`);
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...args], { env, timeout: 120_000 });
  return stdout;
}

/** Each test goes on where the one before it stopped: one data directory through a disaster. */
describe('a backup, made and restored as a person does', () => {
  let spumoni: RunningSpumoni;
  let client: Client;
  let directory: string;
  let file: string;
  /** What the client was told. */
  const believed = new Map<string, string>();

  const put = async (key: string, text: string): Promise<void> => {
    await client.expect(200, 'PUT', objectPath(BUCKET, key), { body: text });
    believed.set(key, text);
  };

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'spumoni-backup-'));
    file = join(directory, 'monday.backup');
    spumoni = await RunningSpumoni.start({
      environment: { SPUMONI_GARBAGE_GRACE_SECONDS: '1', SPUMONI_SWEEP_SECONDS: '1' },
    });
    client = spumoni.client();
    await client.expect(200, 'PUT', `/v1/${BUCKET}`, {
      json: { type: 'filesystem', name: BUCKET, backend: 'local' },
    });
  }, 120_000);
  afterAll(async () => {
    await spumoni.stop();
    await rm(directory, { recursive: true, force: true });
  }, 60_000);

  it('is written while the service runs, and says which master key it needs', async () => {
    for (const key of ['kept', 'replaced', 'removed']) await put(key, `${key} before`);
    const said = await run('backup', spumoni.dataDirectory, '--to', file);
    expect(said).toMatch(/Wrote .*monday\.backup \(.* MiB\): \d+ rows of the control plane, 1 buckets and 3 keys of/);
    expect(said).toMatch(/To restore it takes the master key \w+, which is not in it/);
    const checked = await run('backup', spumoni.dataDirectory, '--check', file);
    expect(checked).toMatch(/is whole: \d+ rows of the control plane, 1 buckets and 3 keys of deployment/);
    expect(checked).toMatch(/It is as it was written: the master key \w+ has signed it/);
    // Where nobody has the key, nobody can say that nothing was changed.
    await expect(run('backup', join(directory, 'elsewhere'), '--check', file)).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/is signed by the master key \w+, and in the file .* there is none/),
    });
    const unsigned = await run('backup', join(directory, 'elsewhere'), '--check', file, '--unsigned');
    expect(unsigned).toMatch(/is whole: .*\nWhether it was changed on purpose was not looked at/);
  }, 60_000);

  it('is not restored over a deployment that is there, nor while it runs', async () => {
    await expect(run('restore', spumoni.dataDirectory, '--from', file)).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/is in use by process \d+/),
    });
    await expect(run('restore', spumoni.dataDirectory)).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/no file was named\nusage: npm run restore -- --from FILE/),
    });
  }, 60_000);

  it('brings everything back after the metadata was lost with a crash: what was acknowledged before it and after it', async () => {
    await put('replaced', 'replaced after');
    await put('new', 'new after');
    await client.expect(200, 'DELETE', objectPath(BUCKET, 'removed'));
    believed.delete('removed');
    await spumoni.kill();
    for (const lost of ['postgres', 'index', 'lock'])
      await rm(join(spumoni.dataDirectory, lost), { recursive: true, force: true });
    const said = await run('restore', spumoni.dataDirectory, '--from', file);
    expect(said).toMatch(/Restored 3 keys and 1 buckets of deployment/);
    await spumoni.launch();
    await until('the bucket has recovered', 120_000, async () => {
      const answer = await client.send('GET', `/v1/${BUCKET}`);
      if (answer.status === 503) expect(answer.json()).toMatchObject({ code: 'bucket-recovering' });
      return answer.status === 200;
    });
    const listing = (await client.expect(200, 'GET', `/v1/${BUCKET}`)).json() as { objects: { key: string }[] };
    // Whether a deletion of the last moment is undone depends on when its bytes went.
    expect(listing.objects.map(({ key }) => key).filter((key) => key !== 'removed')).toEqual(
      [...believed.keys()].sort(),
    );
    for (const [key, text] of believed)
      expect((await client.expect(200, 'GET', objectPath(BUCKET, key))).text()).toBe(text);
  }, 180_000);

  it('took nothing away that a sweep of the old deployment had not taken', async () => {
    const swept = async (): Promise<boolean> => {
      const { items } = (await client.expect(200, 'GET', '/admin/v1/jobs?type=reconcile')).json() as {
        items: { state: string }[];
      };
      return items.every(({ state }) => state === 'completed');
    };
    await until('the jobs have ended', 120_000, swept);
    await put('written here', 'too');
    // By now a sweep of every second has gone by, with a grace of one.
    await until('some sweeps have passed', 60_000, async () => {
      const answer = await client.send('GET', objectPath(BUCKET, 'written here'));
      return Date.now() - Date.parse(answer.headers.get('last-modified') ?? '') > 6_000;
    });
    for (const [key, text] of believed)
      expect((await client.expect(200, 'GET', objectPath(BUCKET, key))).text()).toBe(text);
  }, 120_000);
});
