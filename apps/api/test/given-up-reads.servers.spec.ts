import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request as ask, type ClientRequest, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SilentLine } from '../../../test/servers/silent-line.js';
import { isInstalled, startVendor, type VendorServer } from '../../../test/system/vendor-servers.js';
import { START_MS, Stand } from './stand.js';

const ANY_READ = /^GET \S*given-up/;
/** The requests for an object's bytes. Of GCS the head is asked for beside them. */
const SERVERS = [
  { name: 'minio', read: ANY_READ },
  { name: 'azurite', read: ANY_READ },
  { name: 'fake-gcs-server', read: /^GET \S*given-up\S*alt=media/ },
] as const;
const CONNECTIONS = 2;
const MIB = 1024 * 1024;
const BYTES = randomBytes(6 * MIB);

/** The vendor has ten minutes to answer, and as long for each silence: whatever ends earlier was given up. */
const SETTINGS = { SPUMONI_BACKEND_DEADLINE_SECONDS: '600', SPUMONI_BACKEND_CONNECTIONS: String(CONNECTIONS) };

/** A client that gives up a read while the vendor is silent. */
describe('a read that its client gives up', () => {
  let stand: Stand;
  const vendors = new Map<string, { readonly server: VendorServer; readonly line: SilentLine }>();
  const installed = SERVERS.filter(({ name }) => isInstalled(name));

  beforeAll(async () => {
    stand = await Stand.start(SETTINGS);
    for (const { name, read } of installed) {
      const server = await startVendor(name);
      const target = new URL(server.body.endpoint ?? '');
      const line = await SilentLine.to(target.origin, read);
      vendors.set(name, { server, line });
      const endpoint = line.origin + target.pathname.replace(/\/$/, '');
      expect((await stand.ask('POST', '/admin/v1/backends', { json: { ...server.body, endpoint } })).status).toBe(201);
      for (const encrypted of [false, true]) {
        const bucket = `/v1/${bucketOf(name, encrypted)}`;
        expect(
          (await stand.ask('PUT', bucket, { json: { backend: name, encryption: { enabled: encrypted } } })).status,
        ).toBe(200);
        expect((await stand.ask('PUT', `${bucket}/given-up`, { body: BYTES })).status).toBe(200);
      }
    }
  }, START_MS);
  afterAll(async () => {
    // Whatever still waits for a vendor ends with its line.
    for (const { line } of vendors.values()) await line.close();
    await stand.stop();
    for (const { server } of vendors.values()) await server.stop();
  }, 60_000);

  const bucketOf = (name: string, encrypted: boolean): string => `on-${name}-${encrypted ? 'sealed' : 'plain'}`;

  /** A request of its own connection, and its answer's first bytes if there are to be any. */
  function begin(path: string): { readonly request: ClientRequest; readonly someBytes: Promise<unknown> } {
    const request = ask(stand.url + path, { agent: false, headers: { authorization: stand.root } });
    request.end();
    const answered = once(request, 'response') as Promise<[IncomingMessage]>;
    const someBytes = answered.then(([answer]) => once(answer, 'data'));
    // Cut by ourselves.
    request.on('error', () => undefined);
    someBytes.catch(() => undefined);
    return { request, someBytes };
  }

  it.each(
    installed.flatMap(({ name }) => [
      { name, encrypted: false, silentAfter: 0 },
      { name, encrypted: false, silentAfter: 2 * MIB },
      { name, encrypted: true, silentAfter: 2 * MIB },
    ]),
  )(
    'is given up at $name too, and not begun again (silent after $silentAfter bytes, encrypted: $encrypted)',
    async ({ name, encrypted, silentAfter }) => {
      const line = vendors.get(name)?.line;
      if (!line) throw new Error(`no ${name}`);
      const path = `/v1/${bucketOf(name, encrypted)}/given-up`;
      const before = line.asked;
      // Each would keep one of few connections: those after them would wait for ten minutes.
      for (let times = 0; times <= CONNECTIONS; times += 1) {
        const silence = line.hush(silentAfter);
        const { request, someBytes } = begin(path);
        await silence.began;
        if (silentAfter > 0) await someBytes;
        request.destroy();
        await silence.dropped;
      }
      const { status, bytes } = await stand.ask('GET', path);
      expect([status, bytes.equals(BYTES)]).toEqual([200, true]);
      expect(line.asked - before).toBe(CONNECTIONS + 2);
    },
    60_000,
  );
});
