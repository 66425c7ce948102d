import {
  AccountSASPermissions,
  generateAccountSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { findServer, makeAuthority, startAzurite, startConnectProxy } from '../../../test/servers/index.js';
import type { RunningServer, StorageAccount, TestAuthority } from '../../../test/servers/index.js';
import { NO_MACHINE_IDENTITY, openBackend } from '../src/index.js';
import { AzureAccess } from '../src/azure/access.js';
import { parseConfig } from '../src/azure/config.js';
import type {
  AmbientVendor,
  BackendCredentials,
  BackendDefinition,
  MachineIdentity,
  ObjectBackend,
} from '../src/index.js';
import { failure } from './conformance/stage.js';
import { json, listen, readAll } from './gcs-loopback.js';
import type { Answer, Loopback } from './gcs-loopback.js';
import { roundTrip } from './round-trip.js';

/** Only the proxy knows where they are. */
const NAMES = ['blob.spumoni.test', 'login.spumoni.test'] as const;
const TENANT = '11111111-2222-3333-4444-555555555555';
const CLIENT = '66666666-7777-8888-9999-000000000000';
const IMDS = 'AZURE_POD_IDENTITY_AUTHORITY_HOST';
const call = { requestId: 'test' };
const hidden = (text: string) => ({ reveal: () => text });

/** A token of Entra ID's form. Azurite checks issuer, audience and times; nobody here could check Microsoft's signature. */
function tokenFor(audience: string, seconds = 3600): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    aud: audience,
    iss: `https://sts.windows.net/${TENANT}/`,
    nbf: now - 60,
    iat: now,
    exp: now + seconds,
  };
  return `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}.${Buffer.from('nobody').toString('base64url')}`;
}

describe('Azurite behind TLS of an authority of its own', () => {
  if (!findServer('azurite')) {
    it.skip('[skipped: azurite is not installed]', () => undefined);
    return;
  }
  let authority: TestAuthority;
  let server: RunningServer<StorageAccount>;
  let entra: Entra;
  let imds: Loopback;
  let audience = 'https://storage.azure.com';
  const opened: ObjectBackend[] = [];

  beforeAll(async () => {
    authority = await makeAuthority(NAMES);
    server = await startAzurite({ tls: authority });
    entra = await startEntra(authority, () => tokenFor(audience));
    imds = await listen((incoming, answer) => {
      const url = new URL(incoming.url ?? '/', 'http://imds');
      const expires_on = String(Math.floor(Date.now() / 1000) + 3600);
      // A probe comes without the header, and IMDS refuses it.
      if (incoming.headers['metadata'] !== 'true') json(answer, 400, { error: 'invalid_request' });
      else
        json(answer, 200, {
          access_token: tokenFor(url.searchParams.get('resource') ?? ''),
          expires_on,
          token_type: 'Bearer',
        });
    });
  }, 60_000);
  afterAll(async () => {
    for (const backend of opened) await backend.close();
    await server.stop();
    await entra.close();
    await imds.close();
    await authority.remove();
  });

  const definitionOf = (credentials: BackendCredentials): BackendDefinition => ({
    ...{ name: 'azure', type: 'azure', endpoint: server.endpoint, options: { ca: authority.ca } },
    credentials: { accountName: server.credentials.accountName, ...credentials },
  });
  const machineOf = (ambient: readonly AmbientVendor[]): MachineIdentity => ({
    ...{ ambient: new Set(ambient), tokenDirectories: [], endpoints: new Set([new URL(server.endpoint).origin]) },
  });

  async function open(
    credentials: BackendCredentials,
    change: { endpoint?: string; options?: BackendDefinition['options']; machine?: Partial<MachineIdentity> } = {},
  ): Promise<ObjectBackend> {
    const { accountName } = server.credentials;
    const endpoint = change.endpoint ?? server.endpoint;
    const definition: BackendDefinition = {
      ...{ name: 'azure', type: 'azure', endpoint, credentials: { accountName, ...credentials } },
      options: { ca: authority.ca, ...change.options },
    };
    const endpoints = new Set([new URL(endpoint).origin, entra.origin, `https://${NAMES[1]}:${entra.port}`]);
    const backend = await openBackend(definition, { ...NO_MACHINE_IDENTITY, endpoints, ...change.machine });
    opened.push(backend);
    return backend;
  }
  const sasOf = (permissions: string): string => {
    const { accountName, accountKey } = server.credentials;
    const credential = new StorageSharedKeyCredential(accountName, accountKey);
    return generateAccountSASQueryParameters(
      {
        ...{ services: 'b', resourceTypes: 'sco', expiresOn: new Date(Date.now() + 3_600_000) },
        permissions: AccountSASPermissions.parse(permissions),
      },
      credential,
    ).toString();
  };

  it('is refused without that authority, and used with it', async () => {
    const accountKey = hidden(server.credentials.accountKey);
    const said =
      /backend azure shows a certificate of an authority that is not trusted: give its certificate as options\.ca/;
    const without = await openBackend({
      ...{ name: 'azure', type: 'azure', endpoint: server.endpoint, options: {} },
      credentials: { accountName: server.credentials.accountName, accountKey },
    });
    opened.push(without);
    expect((await failure(without.head(call, { container: 'c-1', key: 'k' }), 'unavailable')).message).toMatch(said);
    expect((await failure(without.listContainers(call), 'unavailable')).message).toMatch(said);
    await roundTrip(await open({ accountKey }));
  });

  it('is opened by a SAS, as far as its permissions go', async () => {
    await roundTrip(await open({ sasToken: hidden(`?${sasOf('rwdlacuptf')}`) }));
    const reading = await open({ sasToken: hidden(sasOf('rl')) });
    const { message, vendorCode } = await failure(reading.createContainer(call, { container: 'not-mine' }), 'denied');
    expect(vendorCode).toBe('AuthorizationPermissionMismatch');
    expect(message).not.toContain('sig=');
  });

  it('is opened by a managed identity, whose token this machine gives', async () => {
    const before = process.env[IMDS];
    process.env[IMDS] = imds.origin;
    try {
      const backend = await open({ source: 'managed-identity' }, { machine: { ambient: new Set(['azure']) } });
      await roundTrip(backend);
      expect(imds.seen.filter(({ headers }) => headers['metadata'] === 'true')).toHaveLength(1);
      // Azurite reads the source of a copy without the token that comes with it: what is sent must do as evidence.
      const access = new AzureAccess(parseConfig(definitionOf({ source: 'managed-identity' }), machineOf(['azure'])));
      const headers = await access.proveSource(call, { url: 'https://a/c/k', container: 'c', key: 'k' });
      expect(headers).toEqual({
        'x-ms-copy-source': 'https://a/c/k',
        'x-ms-copy-source-authorization': expect.stringMatching(/^Bearer ey/),
      });
    } finally {
      if (before === undefined) Reflect.deleteProperty(process.env, IMDS);
    }
  });

  it('is opened by a workload identity, through a proxy, which all goes through', async () => {
    const tokenFile = join(authority.directory, 'token');
    await writeFile(tokenFile, 'a-federated-token');
    const proxy = await startConnectProxy({ names: NAMES });
    const { port, pathname } = new URL(server.endpoint);
    const authorityHost = `https://${NAMES[1]}:${entra.port}`;
    const backend = await open(
      { source: 'workload-identity', tenantId: TENANT, clientId: CLIENT, tokenFile },
      {
        endpoint: `https://${NAMES[0]}:${port}${pathname}`,
        options: { proxy: proxy.url, authorityHost },
        machine: { tokenDirectories: [authority.directory] },
      },
    );
    await roundTrip(backend).finally(() => proxy.close());
    expect(new Set(proxy.tunnels)).toEqual(new Set([`${NAMES[0]}:${port}`, `${NAMES[1]}:${entra.port}`]));
    expect(entra.forms).toHaveLength(1);
    expect(Object.fromEntries(entra.forms[0] ?? [])).toMatchObject({
      ...{ client_id: CLIENT, client_assertion: 'a-federated-token', grant_type: 'client_credentials' },
      scope: expect.stringContaining('https://storage.azure.com/.default'),
    });
  });

  it('refuses a token for somebody else, which is denied; a token endpoint that is out is an outage', async () => {
    const tokenFile = join(authority.directory, 'token');
    await writeFile(tokenFile, 'a-federated-token');
    const machine = { tokenDirectories: [authority.directory] };
    const identity = { source: 'workload-identity', tenantId: TENANT, clientId: CLIENT, tokenFile };
    const options = { authorityHost: entra.origin };
    audience = 'https://vault.azure.net';
    const stranger = await open(identity, { options, machine });
    await failure(stranger.head(call, { container: 'c-1', key: 'k' }), 'denied');
    audience = 'https://storage.azure.com';
    entra.refuse = true;
    const refused = await failure((await open(identity, { options, machine })).listContainers(call), 'denied');
    expect(refused.message).toMatch(/got no access token \(workload-identity\): .*AADSTS700016/);
    entra.refuse = false;
    const gone = {
      options: { authorityHost: 'https://127.0.0.1:9' },
      machine: { ...machine, endpoints: new Set(['https://127.0.0.1:9', new URL(server.endpoint).origin]) },
    };
    await failure((await open(identity, gone)).listContainers(call), 'unavailable');
  });
});

/** The part of Entra ID that gives tokens. */
interface Entra {
  readonly origin: string;
  readonly port: string;
  readonly forms: readonly URLSearchParams[];
  refuse: boolean;
  close(): Promise<void>;
}

async function startEntra(authority: TestAuthority, token: () => string): Promise<Entra> {
  const forms: URLSearchParams[] = [];
  const state = { refuse: false };
  const answerWith: Answer = async (incoming, answer) => {
    const base = `https://${incoming.headers.host ?? ''}/${TENANT}`;
    if (incoming.method === 'GET') {
      json(answer, 200, {
        ...{ issuer: `${base}/v2.0`, token_endpoint: `${base}/oauth2/v2.0/token`, jwks_uri: `${base}/keys` },
        authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
      });
      return;
    }
    forms.push(new URLSearchParams((await readAll(incoming)).toString()));
    const error_description = 'AADSTS700016: no such application';
    if (state.refuse) json(answer, 400, { error: 'unauthorized_client', error_description });
    else json(answer, 200, { access_token: token(), expires_in: 3600, ext_expires_in: 3600, token_type: 'Bearer' });
  };
  const tls = { cert: await readFile(authority.certificateFile), key: await readFile(authority.keyFile) };
  const server = createServer(tls, (incoming, answer) => {
    Promise.resolve(answerWith(incoming, answer)).catch(() => answer.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    origin: `https://127.0.0.1:${address.port}`,
    port: String(address.port),
    forms,
    get refuse() {
      return state.refuse;
    },
    set refuse(refuse) {
      state.refuse = refuse;
    },
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
