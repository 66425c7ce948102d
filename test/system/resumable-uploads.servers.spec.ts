import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ObjectBackend } from '#libs/backends';
import type { ServerName } from '../servers/index.js';
import type { Client } from './client.js';
import { RunningSpumoni } from './running-spumoni.js';
import { isInstalled, openDirect, startVendor, type VendorServer } from './vendor-servers.js';

const VENDORS = ['minio', 'azurite', 'fake-gcs-server'] as const satisfies readonly ServerName[];
const TUS = { 'tus-resumable': '1.0.0' };
const CALL = { requestId: 'look' };
/** Its parts are larger than one part of a multipart upload, and smaller. */
const CONTENT = Buffer.concat([Buffer.from('readable '.repeat(500)), randomBytes(12 * 1024 * 1024 + 123)]);
const CUTS = [0, 5_000, 11 * 1024 * 1024, CONTENT.length];

describe('resumable uploads to vendors', () => {
  const installed = VENDORS.filter(isInstalled);
  if (installed.length === 0) return;
  let spumoni: RunningSpumoni;
  let client: Client;
  const servers: VendorServer[] = [];
  const vendors = new Map<string, ObjectBackend>();
  beforeAll(async () => {
    spumoni = await RunningSpumoni.start();
    client = spumoni.client();
    for (const name of installed) {
      const server = await startVendor(name);
      servers.push(server);
      vendors.set(name, await openDirect(server.body));
      await client.expect(201, 'POST', '/admin/v1/backends', { json: server.body });
    }
  }, 200_000);
  afterAll(async () => {
    await spumoni.stop();
    for (const vendor of vendors.values()) await vendor.close();
    for (const server of servers) await server.stop();
  }, 60_000);

  const keysIn = async (vendor: ObjectBackend, container: string): Promise<string[]> => {
    const { entries } = await vendor.list(CALL, { container, include: 'everything', limit: 1000 });
    return entries.map(({ key }) => key.replace(/^(\.spumoni\/u\/).*/, '$1…')).sort();
  };

  const cases = installed.flatMap((name) => [
    { name, kind: 'plain', more: {} },
    { name, kind: 'sealed', more: { encryption: { enabled: true } } },
  ]);
  it.each(cases)(
    'are stored at $name part by part and put together, $kind, and leave nothing there',
    async (one) => {
      const { name, kind, more } = one;
      const vendor = vendors.get(name);
      if (!vendor) throw new Error('not started');
      const bucket = `films-${kind}-${name}`;
      await client.expect(200, 'PUT', `/v1/${bucket}`, { json: { backend: name, ...more } });
      const headers = { ...TUS, 'upload-length': String(CONTENT.length), 'x-amz-meta-author': 'Ana' };
      const begun = await client.expect(201, 'POST', `/v1/${bucket}/film?upload`, { headers });
      const place = begun.headers.get('location') ?? '';
      for (const [at, end] of CUTS.slice(1).entries()) {
        const offset = CUTS[at] ?? 0;
        const part = { ...TUS, 'upload-offset': String(offset), 'content-type': 'application/offset+octet-stream' };
        await client.expect(204, 'PATCH', place, { headers: part, body: CONTENT.subarray(offset, end) });
        if (at > 0) continue;
        expect(await keysIn(vendor, bucket)).toEqual(['.spumoni/container.json', '.spumoni/u/…']);
        const { entries } = await vendor.list(CALL, {
          container: bucket,
          include: 'current',
          limit: 10,
          prefix: '.spumoni/u/',
        });
        for (const { key } of entries) {
          const { body } = await vendor.get(CALL, { container: bucket, key });
          const parts: Uint8Array[] = [];
          for await (const chunk of body) parts.push(Buffer.from(chunk));
          expect(Buffer.concat(parts).includes('readable readable')).toBe(kind === 'plain');
        }
      }
      const got = await client.expect(200, 'GET', `/v1/${bucket}/film`);
      const md5 = (bytes: Buffer): string => createHash('md5').update(bytes).digest('hex');
      expect([md5(got.bytes), got.headers.get('x-amz-meta-author')]).toEqual([md5(CONTENT), 'Ana']);
      expect(await keysIn(vendor, bucket)).toEqual(['.spumoni/container.json', 'film']);
      const left = await client.expect(201, 'POST', `/v1/${bucket}/left?upload`, { headers });
      const part = { ...TUS, 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' };
      await client.expect(204, 'PATCH', left.headers.get('location') ?? '', { headers: part, body: 'some bytes' });
      await client.expect(200, 'DELETE', `/v1/${bucket}/film`);
      // What was begun goes with its bucket.
      await client.expect(200, 'DELETE', `/v1/${bucket}`);
    },
    120_000,
  );
});
