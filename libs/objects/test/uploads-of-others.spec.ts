import { describe, expect, it } from '@jest/globals';
import { createBucket } from '../src/index.js';
import { write } from './simulation/clients.js';
import { ACTOR, makePlatform, sweepAll } from './simulation/platform.js';

describe('unfinished uploads at a key where a writer died', () => {
  it('are left where they began well before it, as somebody else’s; those that may be its own are given up', async () => {
    const died = Promise.withResolvers<undefined>();
    let mortal = false;
    const platform = makePlatform({
      tokens: { m1: 'version' },
      reach: (point) => {
        if (!mortal || point !== 'intent-recorded') return undefined;
        mortal = false;
        died.resolve(undefined);
        return new Promise<void>(() => undefined);
      },
    });
    const { bucket } = await createBucket(platform.engine, ACTOR, { name: 'ours', backend: 'm1' });
    const container = bucket.containers[0]?.container ?? '';
    const early = new Date(platform.time.now);
    platform.time.now += 16 * 60_000;
    mortal = true;
    void write(platform, bucket, 'key', 'lost');
    await died.promise;
    const backend = platform.backends['m1'];
    await backend?.leaveUpload(ACTOR, container, 'key', early);
    for (const begun of [new Date(platform.time.now - 60_000), new Date(platform.time.now), undefined])
      await backend?.leaveUpload(ACTOR, container, 'key', begun);
    const uploads = async (): Promise<readonly unknown[]> => {
      const page = await backend?.list(ACTOR, { container, include: 'everything', prefix: 'key', limit: 9 });
      return page?.entries.map(({ kind, lastModified }) => [kind, lastModified]) ?? [];
    };
    expect(await uploads()).toHaveLength(4);
    expect(await sweepAll(platform, bucket.id)).toEqual([]);
    expect(await uploads()).toEqual([['upload', early]]);
  });
});
