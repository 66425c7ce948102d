import { afterEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startConnectProxy } from '../../../test/servers/index.js';
import { openGcs } from '../src/gcs/index.js';
import { NO_MACHINE_IDENTITY } from '../src/index.js';
import type { BackendCredentials, BackendDefinition, MachineIdentity } from '../src/index.js';
import { failure } from './conformance/stage.js';
import { definitionOf, json, listen, readAll, resourceOf } from './gcs-loopback.js';
import type { Answer, Loopback } from './gcs-loopback.js';

const AUDIENCE = '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/spumoni';
const NAMES = ['storage.spumoni.test', 'sts.spumoni.test'] as const;
const call = { requestId: 'test' };
const which = { container: 'bucket', key: 'k' };
const hidden = (document: unknown) => ({ reveal: () => JSON.stringify(document) });

const running: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.close();
});

const bearers = ({ seen }: Loopback): (string | undefined)[] => seen.map(({ headers }) => headers.authorization);
const portOf = ({ origin }: Loopback): string => new URL(origin).port;

interface Sts extends Loopback {
  readonly forms: URLSearchParams[];
}

/** Google's STS, and below `/impersonate` the tokens of a service account; `refuse` answers in the place of both. */
async function startSts(refuse?: Answer): Promise<Sts> {
  const forms: URLSearchParams[] = [];
  const server = await listen(async (incoming, answer) => {
    const text = (await readAll(incoming)).toString();
    if (refuse) {
      await refuse(incoming, answer);
      return;
    }
    if (incoming.url === '/impersonate') {
      const expireTime = '2026-03-01T01:00:00Z';
      json(answer, 200, { accessToken: 'impersonated', expireTime });
      return;
    }
    forms.push(new URLSearchParams(text));
    json(answer, 200, { access_token: `federated-${forms.length}`, expires_in: 3600, token_type: 'Bearer' });
  });
  running.push(server);
  return { ...server, forms };
}

async function tokenFile(text: string): Promise<{ file: string; directory: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'spumoni-token-'));
  running.push({ close: () => rm(directory, { recursive: true }) });
  const file = join(directory, 'token');
  await writeFile(file, text);
  return { file, directory };
}

async function startGcs(): Promise<Loopback> {
  const storage = await listen((_, answer) => json(answer, 200, resourceOf()));
  running.push(storage);
  return storage;
}

function open(
  storage: string,
  given: { credentials: BackendCredentials; options?: BackendDefinition['options']; machine: Partial<MachineIdentity> },
  now?: () => number,
) {
  const { credentials, options } = given;
  const definition = definitionOf(storage, { credentials, ...(options === undefined ? {} : { options }) });
  const backend = openGcs(definition, { ...NO_MACHINE_IDENTITY, ...given.machine }, now);
  running.push(backend);
  return backend;
}

const external = (sts: string, source: object, more: object = {}): BackendCredentials => ({
  externalAccount: hidden({
    ...{ type: 'external_account', audience: AUDIENCE, token_url: `${sts}/v1/token`, credential_source: source },
    ...{ subject_token_type: 'urn:ietf:params:oauth:token-type:jwt', ...more },
  }),
});

describe('a workload identity federation', () => {
  it("exchanges the file's token, read afresh each time, for Google's (RFC 8693)", async () => {
    const [storage, sts, { file, directory }] = [await startGcs(), await startSts(), await tokenFile('first\n')];
    const clock = { now: Date.parse('2026-03-01T00:00:00Z') };
    const machine = { tokenDirectories: [directory], endpoints: new Set([storage.origin, sts.origin]) };
    const backend = open(storage.origin, { credentials: external(sts.origin, { file }), machine }, () => clock.now);
    await Promise.all(Array.from({ length: 10 }, () => backend.head(call, which)));
    await writeFile(file, 'second');
    clock.now += 55 * 60_000;
    await backend.head(call, which);
    expect(sts.forms.map((form) => Object.fromEntries(form))).toEqual(
      ['first', 'second'].map((subject_token) => ({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        audience: AUDIENCE,
        scope: 'https://www.googleapis.com/auth/devstorage.full_control',
        subject_token,
        subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      })),
    );
    expect(new Set(bearers(storage))).toEqual(new Set(['Bearer federated-1', 'Bearer federated-2']));
  });

  it('is exchanged once more for a service account, from a JSON document at a URL, where it says so', async () => {
    const [storage, sts] = [await startGcs(), await startSts()];
    const provider = await listen((_, answer) => json(answer, 200, { value: 'from-a-url' }));
    running.push(provider);
    const machine = { ambient: new Set(['gcs'] as const), endpoints: new Set([storage.origin, sts.origin]) };
    const source = {
      ...{ url: `${provider.origin}/identity?resource=x`, headers: { metadata: 'true' } },
      format: { type: 'json', subject_token_field_name: 'value' },
    };
    const more = { service_account_impersonation_url: `${sts.origin}/impersonate` };
    const now = (): number => Date.parse('2026-03-01T00:00:00Z');
    const backend = open(storage.origin, { credentials: external(sts.origin, source, more), machine }, now);
    await backend.head(call, which);
    expect(provider.seen[0]?.headers['metadata']).toBe('true');
    expect(sts.forms[0]?.get('subject_token')).toBe('from-a-url');
    expect(bearers(sts)).toEqual([undefined, 'Bearer federated-1']);
    expect(bearers(storage)).toEqual(['Bearer impersonated']);
  });

  it('goes through the proxy with all the rest, and nothing beside it', async () => {
    const [storage, sts, { file, directory }] = [await startGcs(), await startSts(), await tokenFile('first')];
    const proxy = await startConnectProxy({ names: NAMES });
    running.push(proxy);
    const at = `http://${NAMES[0]}:${portOf(storage)}`;
    const stsAt = `http://${NAMES[1]}:${portOf(sts)}`;
    const machine = { tokenDirectories: [directory], endpoints: new Set([at, stsAt]) };
    const options = { insecure: true, projectId: 'p-1', proxy: proxy.url };
    const backend = open(at, { credentials: external(stsAt, { file }), options, machine });
    expect((await backend.head(call, which)).size).toBe(3);
    expect(proxy.tunnels).toEqual([new URL(stsAt).host, new URL(at).host]);
  });

  it('is denied where it is refused or the file is gone, and an outage where nobody answers', async () => {
    const [storage, { file, directory }] = [await startGcs(), await tokenFile('first')];
    const refusing = await startSts((_, answer) =>
      json(answer, 400, { error: 'invalid_grant', error_description: 'The audience does not match' }),
    );
    const silent = await startSts((_, answer) => void answer.destroy());
    const endpoints = new Set([storage.origin, refusing.origin, silent.origin]);
    const machine = { tokenDirectories: [directory], endpoints };
    const of = (sts: Loopback, path = file) =>
      open(storage.origin, { credentials: external(sts.origin, { file: path }), machine }).head(call, which);
    const refused = await failure(of(refusing), 'denied');
    expect(refused.message).toMatch(/got no access token for .*invalid_grant: The audience does not match/);
    await failure(of(refusing, join(directory, 'gone')), 'denied');
    await failure(of(silent), 'unavailable');
    expect(storage.seen).toEqual([]);
  });

  it.each([
    ['a file that nobody allowed', { file: '/etc/passwd' }, {}, /credential_source\.file: expected the absolute path/],
    [
      'a URL without leave',
      { url: 'http://169.254.169.254/x' },
      {},
      /credential_source\.url: this machine's own identity/,
    ],
    ['a program', { executable: { command: 'id' } }, {}, /executable: programs are not run/],
    ['AWS as a source', { environment_id: 'aws1' }, {}, /environment_id: AWS as a source is not supported/],
    ['both sources', { file: '/run/t', url: 'https://a' }, {}, /expected either file or url/],
    [
      'another STS than Google’s',
      { file: '/run/t' },
      { token_url: 'https://sts.example.org/' },
      /token_url: .* shown to nobody/,
    ],
  ])('is refused with %s', (_, source, more, message) => {
    const machine = { ...NO_MACHINE_IDENTITY, tokenDirectories: ['/run'] };
    const definition: BackendDefinition = {
      ...{ name: 'g', type: 'gcs', options: { projectId: 'p-1' } },
      credentials: external('https://sts.googleapis.com', source, more),
    };
    expect(() => openGcs(definition, machine)).toThrow(message);
  });
});

describe('application default credentials', () => {
  const HOST = 'GCE_METADATA_HOST';

  it("are the metadata server's, where the operator allows it", async () => {
    const storage = await startGcs();
    const metadata = await listen((incoming, answer) => {
      answer.setHeader('metadata-flavor', 'Google');
      if (incoming.url?.includes('/token')) json(answer, 200, { access_token: 'from-metadata', expires_in: 3600 });
      else answer.end('googleapis.com');
    });
    running.push(metadata);
    const before = { [HOST]: process.env[HOST], HOME: process.env['HOME'] };
    // Without a home there is no file of the user's own.
    Object.assign(process.env, { [HOST]: new URL(metadata.origin).host, HOME: '/nonexistent' });
    try {
      const machine = { ambient: new Set(['gcs'] as const), endpoints: new Set([storage.origin]) };
      const backend = open(storage.origin, { credentials: { source: 'chain' }, machine });
      await Promise.all([backend.head(call, which), backend.head(call, which)]);
      expect(bearers(storage)).toEqual(['Bearer from-metadata', 'Bearer from-metadata']);
      const tokens = metadata.seen.filter(({ url }) => url.pathname.endsWith('/token'));
      expect(tokens).toHaveLength(1);
      expect(tokens[0]?.headers['metadata-flavor']).toBe('Google');
    } finally {
      for (const [name, value] of Object.entries(before))
        if (value === undefined) Reflect.deleteProperty(process.env, name);
        else process.env[name] = value;
    }
  });

  it('are refused where nobody allowed them', () => {
    const definition: BackendDefinition = {
      ...{ name: 'g', type: 'gcs', credentials: { source: 'chain' }, options: { projectId: 'p-1' } },
    };
    expect(() => openGcs(definition)).toThrow(/SPUMONI_AMBIENT_CREDENTIALS would have to name gcs/);
  });
});
