import { describe, expect, it } from '@jest/globals';
import { RICH } from './conformance/attributes.js';
import { failure, PLAIN } from './conformance/stage.js';
import { against, json, readAll, refusal, resourceOf } from './gcs-loopback.js';

const call = { requestId: 'test' };
const ref = { container: 'bucket', key: 'k', token: '1700000000000001' };

describe('changes of attributes at GCS', () => {
  it('rewrites also where only metadata changes: a patch would leave two writes with one token', async () => {
    let body: unknown;
    const made = resourceOf({ generation: '1700000000000002' });
    await against(
      async (incoming, answer) => {
        body = JSON.parse((await readAll(incoming)).toString());
        json(answer, 200, { done: true, resource: made });
      },
      async (backend, { seen }) => {
        const attributes = { ...PLAIN, metadata: { kept: '3', made: '4' }, writeId: 'w' };
        expect((await backend.restamp(call, ref, attributes)).token).toBe('1700000000000002');
        expect(body).toMatchObject({ metadata: { kept: '3', made: '4', 'spumoni-write': 'w' } });
        expect(seen.map(({ method }) => method)).toEqual(['POST']);
        expect(Object.fromEntries(seen[0]?.url.searchParams ?? [])).toMatchObject({
          sourceGeneration: ref.token,
          ifGenerationMatch: ref.token,
        });
      },
    );
  });

  it('changes class and attributes in one rewrite, repeated until GCS is done', async () => {
    const bodies: unknown[] = [];
    const made = resourceOf({ generation: '1700000000000002', storageClass: 'NEARLINE' });
    await against(
      async (incoming, answer) => {
        if (incoming.method !== 'POST') {
          json(answer, 200, resourceOf());
          return;
        }
        bodies.push(JSON.parse((await readAll(incoming)).toString()));
        if (bodies.length < 3) json(answer, 200, { done: false, rewriteToken: `part/${bodies.length}` });
        else json(answer, 200, { done: true, resource: made });
      },
      async (backend, { seen }) => {
        const attributes = { ...RICH, storageClass: 'NEARLINE' };
        const after = await backend.restamp(call, ref, attributes);
        expect(after).toMatchObject({ token: '1700000000000002', storageClass: 'NEARLINE' });
        const posts = seen.filter(({ method }) => method === 'POST').map(({ url }) => url);
        expect(posts.map(({ searchParams }) => searchParams.get('rewriteToken'))).toEqual([null, 'part/1', 'part/2']);
        for (const { pathname, searchParams } of posts) {
          expect(pathname).toBe('/storage/v1/b/bucket/o/k/rewriteTo/b/bucket/o/k');
          expect(searchParams.get('sourceGeneration')).toBe(ref.token);
          expect(searchParams.get('ifGenerationMatch')).toBe(ref.token);
        }
        expect(bodies[0]).toMatchObject({
          storageClass: 'NEARLINE',
          contentLanguage: 'de-CH, en',
          metadata: RICH.metadata,
        });
        expect(bodies).toEqual([bodies[0], bodies[0], bodies[0]]);
      },
    );
  });

  it('copies with a body that is never empty, so that GCS takes nothing over from the source', async () => {
    let body: unknown;
    await against(
      async (incoming, answer) => {
        body = JSON.parse((await readAll(incoming)).toString());
        json(answer, 200, { done: true, resource: resourceOf() });
      },
      async (backend) => {
        await backend.copy(call, { source: ref, container: 'bucket', key: 'to', attributes: PLAIN });
        expect(body).toEqual({ contentType: 'application/octet-stream', metadata: {} });
      },
    );
  });

  it('has no endless rewrite: an answer that is neither done nor to be continued is garbage', async () => {
    await against(
      (_, answer) => json(answer, 200, { done: false }),
      async (backend) => {
        await failure(
          backend.copy(call, { source: ref, container: 'bucket', key: 'to', attributes: PLAIN }),
          'unavailable',
        );
      },
    );
  });

  it('gives a container’s removal up where it holds a noncurrent generation, or GCS says it holds something', async () => {
    const noncurrent = resourceOf({ timeDeleted: '2026-01-02T03:04:05Z' });
    for (const items of [[noncurrent], []])
      await against(
        (incoming, answer) => {
          if (incoming.method === 'DELETE')
            json(answer, 409, refusal(409, 'conflict', 'The bucket you tried to delete is not empty.'));
          else json(answer, 200, { kind: 'storage#objects', items });
        },
        async (backend, { seen }) => {
          await failure(backend.deleteContainer(call, 'bucket'), 'conflict');
          expect(seen[0]?.url.searchParams.get('versions')).toBe('true');
          expect(seen.some(({ method }) => method === 'DELETE')).toBe(items.length === 0);
        },
      );
  });

  it('lists a generation that something replaced as noncurrent, and what stands as the object', async () => {
    const items = [
      resourceOf({ generation: '1', timeDeleted: '2026-01-02T03:04:05Z' }),
      resourceOf({ generation: '2', size: '7', storageClass: 'NEARLINE', etag: '"CAI="' }),
    ];
    await against(
      (_, answer) => json(answer, 200, { kind: 'storage#objects', items, nextPageToken: 'next=1' }),
      async (backend, { seen }) => {
        const asked = { container: 'bucket', include: 'everything', limit: 5000, prefix: 'ü/', cursor: 'a&b' } as const;
        const { entries, cursor } = await backend.list(call, asked);
        expect(entries.map(({ kind, token }) => [kind, token])).toEqual([
          ['noncurrent', '1'],
          ['object', '2'],
        ]);
        expect(entries[1]).toMatchObject({ key: 'k', size: 7, storageClass: 'NEARLINE', vendorEtag: 'CAI=' });
        expect(cursor).toBe('next=1');
        const query = Object.fromEntries(seen[0]?.url.searchParams ?? []);
        expect(query).toMatchObject({ maxResults: '1000', prefix: 'ü/', pageToken: 'a&b', versions: 'true' });
      },
    );
  });

  it('makes containers with uniform access, without soft deletion, in the location asked for', async () => {
    let made: unknown;
    await against(
      async (incoming, answer) => {
        made = JSON.parse((await readAll(incoming)).toString());
        const timeCreated = '2026-01-02T03:04:05Z';
        json(answer, 200, { kind: 'storage#bucket', name: 'a-container', location: 'EUROPE-WEST3', timeCreated });
      },
      async (backend) => {
        const info = await backend.createContainer(call, { container: 'a-container', region: 'europe-west3' });
        expect(info).toMatchObject({ name: 'a-container', region: 'europe-west3', tokens: 'generation' });
        expect(made).toEqual({
          name: 'a-container',
          location: 'europe-west3',
          iamConfiguration: { uniformBucketLevelAccess: { enabled: true } },
          softDeletePolicy: { retentionDurationSeconds: '0' },
        });
      },
    );
  });
});
