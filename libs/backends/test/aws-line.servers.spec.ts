import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { generateKeyPairSync, sign } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeAuthority, startConnectProxy, startMinio, startMoto } from '../../../test/servers/index.js';
import type { ConnectProxy, TestAuthority } from '../../../test/servers/index.js';
import { NO_MACHINE_IDENTITY, openBackend } from '../src/index.js';
import type { BackendCredentials, BackendDefinition, MachineIdentity, ObjectBackend } from '../src/index.js';
import { isMissing } from './aws-server.js';
import type { S3Server } from './aws-server.js';
import { failure } from './conformance/stage.js';
import { json, listen } from './gcs-loopback.js';
import type { Loopback } from './gcs-loopback.js';
import { roundTrip } from './round-trip.js';

/** Only the proxy knows where it is: who gets there went through it. */
const NAME = 'storage.spumoni.test';
const ROLE = 'arn:minio:iam:::role/any';
const call = { requestId: 'test' };
const hidden = (text: string) => ({ reveal: () => text });

describe('MinIO behind TLS of an authority of its own', () => {
  if (isMissing('minio')) return;
  let authority: TestAuthority;
  let issuer: Issuer;
  let server: S3Server;
  let proxy: ConnectProxy;
  const opened: ObjectBackend[] = [];

  beforeAll(async () => {
    authority = await makeAuthority([NAME]);
    issuer = await startIssuer();
    proxy = await startConnectProxy({ credentials: 'spumoni:proxy-password', names: [NAME] });
    server = await startMinio({ tls: authority, env: issuer.environment });
  }, 60_000);
  afterAll(async () => {
    for (const backend of opened) await backend.close();
    await server.stop();
    await proxy.close();
    await issuer.close();
    await authority.remove();
  });

  async function open(
    change: { credentials?: BackendCredentials; endpoint?: string; options?: BackendDefinition['options'] },
    machine?: MachineIdentity,
  ): Promise<ObjectBackend> {
    const { accessKey, secretKey } = server.credentials;
    const keys = { accessKey, secretKey: hidden(secretKey) };
    const definition: BackendDefinition = {
      ...{ name: 'minio', type: 's3', profile: 'minio', endpoint: change.endpoint ?? server.endpoint },
      credentials: { ...keys, ...change.credentials },
      options: change.options ?? { ca: authority.ca },
    };
    const backend = await openBackend(definition, machine);
    opened.push(backend);
    return backend;
  }
  const throughProxy = () => ({
    endpoint: `https://${NAME}:${new URL(server.endpoint).port}`,
    options: { ca: authority.ca, proxy: proxy.url },
  });

  it('is refused without that authority, and the message says what to give', async () => {
    const backend = await open({ options: {} });
    const said =
      /backend minio shows a certificate of an authority that is not trusted: give its certificate as options\.ca/;
    expect((await failure(backend.head(call, { container: 'c-1', key: 'k' }), 'unavailable')).message).toMatch(said);
    expect((await failure(backend.listContainers(call), 'unavailable')).message).toMatch(said);
  });

  it('is used with it', async () => {
    await roundTrip(await open({}));
  });

  it('is reached through a proxy that wants credentials, by data and SDK alike, and by nothing beside it', async () => {
    const credentials = { proxyUser: 'spumoni', proxyPassword: hidden('proxy-password') };
    const before = proxy.tunnels.length;
    await roundTrip(await open({ ...throughProxy(), credentials }));
    const tunnels = proxy.tunnels.slice(before);
    expect(tunnels.length).toBeGreaterThan(0);
    expect(new Set(tunnels)).toEqual(new Set([`${NAME}:${new URL(server.endpoint).port}`]));
    expect(proxy.bytes).toBeGreaterThan(1_000);
    const beside = await open({ ...throughProxy(), options: { ca: authority.ca } });
    await failure(beside.listContainers(call), 'unavailable');
  });

  it('is an outage where the proxy refuses, and the message says so without a password', async () => {
    const credentials = { proxyUser: 'spumoni', proxyPassword: hidden('wrong-password') };
    const { message } = await failure(
      (await open({ ...throughProxy(), credentials })).listContainers(call),
      'unavailable',
    );
    expect(message).toBe('backend minio: the proxy wants other credentials (407)');
    const rest = { options: { ca: authority.ca, proxy: 'http://127.0.0.1:9' } };
    const gone = await failure((await open(rest)).head(call, { container: 'c-1', key: 'k' }), 'unavailable');
    expect(gone.message).toBe('backend minio: the proxy could not be reached (ECONNREFUSED)');
  });

  it('gives temporary keys for a role to long-lived ones', async () => {
    await roundTrip(await open({ credentials: { roleArn: ROLE } }));
  });

  it('gives temporary keys to a web identity, which MinIO checks, through the proxy too', async () => {
    const tokenFile = join(authority.directory, 'token');
    await writeFile(tokenFile, issuer.token({ policy: 'consoleAdmin' }));
    const { endpoint, options } = throughProxy();
    const machine = { ...NO_MACHINE_IDENTITY, tokenDirectories: [authority.directory], endpoints: new Set([endpoint]) };
    const web = { source: 'web-identity', roleArn: ROLE, tokenFile };
    const proxied = { proxyUser: 'spumoni', proxyPassword: hidden('proxy-password') };
    const definition: BackendDefinition = {
      ...{ name: 'minio', type: 's3', profile: 'minio', endpoint, options },
      credentials: { ...web, ...proxied },
    };
    const backend = await openBackend(definition, machine);
    opened.push(backend);
    await roundTrip(backend);
    await writeFile(tokenFile, issuer.token({ policy: 'consoleAdmin', exp: 1 }));
    const late = await openBackend(definition, machine);
    opened.push(late);
    const refused = await failure(late.listContainers(call), 'denied');
    expect(refused.message).toMatch(/got no credentials for the role arn:minio:iam:::role\/any: /);
  });
});

/** An OpenID Connect issuer that MinIO trusts: discovery, keys, and tokens signed by them. */
interface Issuer {
  readonly environment: Readonly<Record<string, string>>;
  token(claims: object): string;
  close(): Promise<void>;
}

async function startIssuer(): Promise<Issuer> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const server: Loopback = await listen((incoming, answer) => {
    const { origin } = server;
    if (incoming.url === '/keys')
      json(answer, 200, { keys: [{ ...publicKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig', kid: '1' }] });
    else
      json(answer, 200, {
        ...{ issuer: origin, jwks_uri: `${origin}/keys`, authorization_endpoint: origin, token_endpoint: origin },
        ...{ response_types_supported: ['id_token'], subject_types_supported: ['public'] },
        id_token_signing_alg_values_supported: ['RS256'],
      });
  });
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return {
    environment: {
      MINIO_IDENTITY_OPENID_CONFIG_URL: `${server.origin}/.well-known/openid-configuration`,
      MINIO_IDENTITY_OPENID_CLIENT_ID: 'spumoni',
    },
    token: (claims) => {
      const now = Math.floor(Date.now() / 1000);
      const all = { iss: server.origin, aud: 'spumoni', sub: 'spumoni', iat: now, exp: now + 3600, ...claims };
      const signed = `${part({ alg: 'RS256', kid: '1' })}.${part(all)}`;
      return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), privateKey).toString('base64url')}`;
    },
    close: () => server.close(),
  };
}

describe("moto's STS", () => {
  if (isMissing('moto')) return;

  it('gives temporary keys for a role, to keys and to a web identity, with which S3 is used', async () => {
    const authority = await makeAuthority();
    const server = await startMoto();
    try {
      const tokenFile = join(authority.directory, 'token');
      await writeFile(tokenFile, 'a-token');
      const endpoints = new Set([server.endpoint]);
      const machine = { ...NO_MACHINE_IDENTITY, tokenDirectories: [authority.directory], endpoints };
      const roleArn = 'arn:aws:iam::123456789012:role/spumoni';
      const keys = { accessKey: 'LONG', secretKey: hidden('long-lived') };
      for (const credentials of [
        { ...keys, roleArn, externalId: hidden('told-by-them') },
        { source: 'web-identity', roleArn, tokenFile },
      ]) {
        const options = { insecure: true, stsEndpoint: server.endpoint };
        const definition: BackendDefinition = {
          name: 'moto',
          type: 'aws',
          endpoint: server.endpoint,
          credentials,
          options,
        };
        const backend = await openBackend(definition, machine);
        await roundTrip(backend);
        await backend.close();
      }
    } finally {
      await server.stop();
      await authority.remove();
    }
  }, 60_000);
});
