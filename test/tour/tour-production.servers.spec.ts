import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findProgram, findServer } from '../servers/index.js';
import { alternatingLine, type AlternatingLine } from '../system/production/alternating-line.js';
import { Production } from '../system/production/production.js';
import { runTour } from './run-tour.js';

const absent = [
  ...(findServer('ferretdb') ? [] : ['ferretdb']),
  ...(findProgram('redis-server') ? [] : ['redis-server']),
];
const reason = absent.length === 0 ? '' : ` [skipped: not installed: ${absent.join(', ')}]`;

describe("two APIs and two workers on Postgres, Redis and MongoDB's protocol", () => {
  let production: Production | undefined;
  let line: AlternatingLine | undefined;
  let url = '';
  beforeAll(async () => {
    if (absent.length > 0) return;
    production = await Production.start();
    const apis = await Promise.all([production.run('api'), production.run('api')]);
    await Promise.all([production.run('worker'), production.run('worker')]);
    line = await alternatingLine(apis.map((api) => api.url));
    ({ url } = line);
    // What the embedded profile has from its start.
    const json = { name: 'local', type: 'filesystem', options: { path: production.path('local') } };
    for (const api of apis.slice(1)) await production.client(api).expect(201, 'POST', '/admin/v1/backends', { json });
  }, 180_000);
  afterAll(async () => {
    await line?.close();
    await production?.stop();
  }, 60_000);

  (absent.length === 0 ? it : it.skip)(
    `do the tour of the README, each command answered by the other API than the one before${reason}`,
    async () => {
      if (!production) throw new Error('nothing was started');
      const { accessKey, secretKey } = production.keys;
      expect(await runTour({ page: 'README.md', url, keys: `${accessKey}:${secretKey}` })).toBeGreaterThan(0);
    },
    180_000,
  );
});
