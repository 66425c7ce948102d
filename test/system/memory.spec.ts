import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { memoryWatch } from './memory/anonymous-memory.js';
import { transferInOwnProcess } from './memory/transfers.js';
import { RunningSpumoni } from './running-spumoni.js';

const MIB = 1024 * 1024;
const LIMIT = 300 * MIB;
const SIZE = 1024 * MIB;
const KEYS = ['one', 'two', 'three', 'four'];

/** Acceptance 7. */
describe('memory of the API process', () => {
  let spumoni: RunningSpumoni | undefined;
  beforeAll(async () => {
    spumoni = await RunningSpumoni.start();
    const json = { type: 'filesystem', name: 'large-objects', backend: 'local' };
    await spumoni.client().expect(200, 'PUT', '/v1/large-objects', { json });
  }, 150_000);
  afterAll(() => spumoni?.stop());

  it.each(['PUT', 'GET'] as const)(
    'stays below 300 MiB (RssAnon) during 4 concurrent transfers of 1 GiB by %s',
    async (method) => {
      if (!spumoni) throw new Error('not running');
      const [pid, ...others] = await spumoni.pidsOf('api');
      if (pid === undefined || others.length > 0) throw new Error('expected one API process');
      const watch = memoryWatch(pid);
      const { authorization } = spumoni.client();
      const targets = KEYS.map((key) => ({ key, url: `${spumoni?.url}/v1/large-objects/${key}` }));
      const done = await transferInOwnProcess({ method, authorization, size: SIZE, targets });
      const peak = await watch.stop();
      process.stdout.write(`peak RssAnon of the API during 4 x 1 GiB ${method}: ${Math.round(peak / MIB)} MiB\n`);
      for (const { size, md5, etag } of done) expect({ size, md5 }).toEqual({ size: SIZE, md5: etag });
      expect(peak).toBeLessThan(LIMIT);
    },
    400_000,
  );
});
