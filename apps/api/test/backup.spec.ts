import { writeFile } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { checkBackup } from '#libs/backup';
import { masterKeysAtHand } from '#libs/deployment';
import { readSettings } from '#libs/settings';
import { START_MS, Stand } from './stand.js';

const TEST_MS = 120_000;
/** Far more than the buffers of a connection hold: text that does not compress well. */
const BULK = `INSERT INTO audit (at, action, resource, result, count, details) SELECT now(), 'test', '/', 'done', 1, jsonb_build_object('noise', (SELECT string_agg(md5(random()::text || n || i), '') FROM generate_series(1, 512) i)) FROM generate_series(1, 1500) n`;

interface Recorded {
  readonly action: string;
  readonly actor?: string;
  readonly result: string;
  readonly code?: string;
}

describe('a backup by the admin API', () => {
  let stand: Stand;
  const recorded = async (): Promise<readonly Recorded[]> =>
    ((await stand.ask('GET', '/admin/v1/audit?action=getBackup')).json as { items: Recorded[] }).items;
  const masterKeys = () => masterKeysAtHand(readSettings({ SPUMONI_DATA_DIR: join(stand.directory, 'data') }));
  /** A client that has seen the first bytes and takes no more. */
  const begun = async (): Promise<IncomingMessage> => {
    const request = get(`${stand.url}/admin/v1/backup`, { headers: { authorization: stand.root } });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(200);
    return response.pause();
  };

  beforeAll(async () => {
    stand = await Stand.start({ SPUMONI_LOG_LEVEL: 'silent' });
    await stand.ask('PUT', '/v1/guarded', { json: { backend: 'local' } });
    for (const key of ['one', 'two']) await stand.ask('PUT', `/v1/guarded/${key}`, { body: key });
  }, START_MS);
  afterAll(() => stand.stop());

  it(
    'is the whole file, to be saved, and is recorded',
    async () => {
      const answer = await stand.ask('GET', '/admin/v1/backup');
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-type')).toBe('application/gzip');
      expect(answer.headers.get('content-disposition')).toMatch(/^attachment; filename="spumoni-[\dT-]+Z\.spumoni"$/);
      const file = join(stand.directory, 'saved');
      await writeFile(file, answer.bytes);
      const { header, counts, signedBy } = await checkBackup(file, { keys: await masterKeys() });
      expect(header.masterKeys).toEqual([signedBy]);
      expect(counts).toMatchObject({ buckets: 1, keys: 2, rows: { bucket: 1 } });
      expect(answer.headers.get('x-spumoni-master-keys')).toBe(header.masterKeys.join(', '));
      // How it ended is recorded once the last byte has been taken, of which the client is not told.
      const ended = async (): Promise<boolean> => (await recorded()).every(({ result }) => result !== 'begun');
      for (let turn = 0; turn < 600 && !(await ended()); turn += 1) await new Promise((r) => setTimeout(r, 100));
      expect(await recorded()).toMatchObject([{ actor: 'root', result: 'done', status: 200 }]);
    },
    TEST_MS,
  );

  it(
    'is one at a time, and ends with its client: what was sent is no backup, and the next may begin',
    async () => {
      await stand.postgresQuery(BULK);
      const slow = await begun();
      expect((await stand.ask('GET', '/admin/v1/backup')).json).toMatchObject({
        status: 409,
        code: 'backup-under-way',
      });
      // Nobody else waits for it meanwhile.
      expect((await stand.ask('PUT', '/v1/guarded/three', { body: 'three' })).status).toBe(200);
      slow.destroy();
      const ended = async (): Promise<boolean> =>
        (await recorded()).some(({ result, code }) => result === 'failed' && code === 'backup-unfinished');
      for (let turn = 0; turn < 600 && !(await ended()); turn += 1) await new Promise((r) => setTimeout(r, 100));
      expect(await ended()).toBe(true);
      const next = await stand.ask('GET', '/admin/v1/backup');
      const file = join(stand.directory, 'next');
      await writeFile(file, next.bytes);
      expect((await checkBackup(file, { keys: await masterKeys() })).counts.keys).toBe(3);
      await writeFile(file, next.bytes.subarray(0, next.bytes.length - 1_000));
      await expect(checkBackup(file, { keys: await masterKeys() })).rejects.toMatchObject({ kind: 'damaged' });
    },
    TEST_MS,
  );

  it(
    'that could not even begin is a problem like any other',
    async () => {
      await stand.postgresQuery(`ALTER TABLE deployment RENAME TO deployment_away`);
      try {
        const answer = await stand.ask('GET', '/admin/v1/backup');
        expect(answer.json).toMatchObject({ status: 500, code: 'internal' });
      } finally {
        await stand.postgresQuery(`ALTER TABLE deployment_away RENAME TO deployment`);
      }
    },
    TEST_MS,
  );
});
