import {
  AccountSASPermissions,
  generateAccountSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { freePort } from '../servers/free-port.js';
import { RunningSpumoni, until } from './running-spumoni.js';
import { askAll, everyGet } from './secrets/every-get.js';
import { findIn, needle, type Needle } from './secrets/needles.js';
import { RecordingClient } from './secrets/recording-client.js';
import { searchFiles } from './secrets/search-files.js';
import { startTokenServer, type MadeUpAccount } from './secrets/token-server.js';
import { isInstalled, startVendor, type BackendBody, type VendorServer } from './vendor-servers.js';

const VENDORS = ['minio', 'azurite', 'fake-gcs-server'] as const;
const SETTINGS = {
  SPUMONI_LOG_LEVEL: 'trace',
  SPUMONI_BACKEND_DEADLINE_SECONDS: '2',
  SPUMONI_GARBAGE_GRACE_SECONDS: '1',
  SPUMONI_SWEEP_SECONDS: '0.5',
};
const WRONG = { secretKey: randomBytes(20).toString('hex'), accountKey: randomBytes(64).toString('base64') };
const ROLE = { roleArn: 'arn:minio:iam:::role/spumoni', externalId: randomBytes(20).toString('hex') };
const PROXY = { proxyUser: 'spumoni', proxyPassword: randomBytes(20).toString('hex') };
const WRONG_SIGNATURE = randomBytes(32).toString('base64url');
const WRONG_SAS = `sv=2024-11-04&ss=b&srt=sco&sp=rwdlactf&se=2099-01-01T00:00:00Z&sig=${WRONG_SIGNATURE}`;

/** Acceptance 8. */
describe('secrets stay secret (invariant 7)', () => {
  if (!VENDORS.every(isInstalled)) return;
  const servers = new Map<string, VendorServer>();
  const needles: Needle[] = [];
  let spumoni: RunningSpumoni | undefined;
  let account: MadeUpAccount | undefined;
  let client: RecordingClient;
  let userSecrets: string[] = [];
  let webhook: string | undefined;

  const bodyOf = (name: string): BackendBody => servers.get(name)?.body ?? fail(`${name} does not run`);
  const register = (json: unknown) => client.send('POST', '/admin/v1/backends', { json });

  beforeAll(async () => {
    for (const name of VENDORS) servers.set(name, await startVendor(name));
    account = await startTokenServer();
    spumoni = await RunningSpumoni.start({ environment: SETTINGS });
    client = new RecordingClient({ url: spumoni.url, ...spumoni.credentials });
    needles.push(
      needle('the secret key of MinIO', bodyOf('minio').credentials['secretKey'] ?? ''),
      needle('the account key of Azure', bodyOf('azurite').credentials['accountKey'] ?? ''),
      needle('the private key of the service account', account.keyLine),
      needle('the access token of GCS', account.accessToken),
      needle('a wrong secret key', WRONG.secretKey),
      needle('a wrong account key', WRONG.accountKey),
      needle('an external id', ROLE.externalId),
      needle("a proxy's password", PROXY.proxyPassword),
      needle('the signature of a wrong SAS', WRONG_SIGNATURE),
      needle("the administrator's secret key", spumoni.credentials.secretKey),
    );
  }, 200_000);
  afterAll(async () => {
    await spumoni?.stop();
    account?.close();
    await Promise.all([...servers.values()].map((server) => server.stop()));
  }, 60_000);

  it('while backends are registered, wrongly and rightly', async () => {
    const gone = `http://127.0.0.1:${await freePort()}`;
    const minio = bodyOf('minio');
    const azure = bodyOf('azurite');
    const gcs = { ...bodyOf('fake-gcs-server'), credentials: { serviceAccount: account?.document } };
    const refused = [
      { ...minio, credentials: { ...minio.credentials, secretKey: WRONG.secretKey } },
      { ...minio, endpoint: gone },
      { ...minio, credentials: { ...minio.credentials, secretkey: WRONG.secretKey } },
      { ...minio, endpoint: 'no url', options: {} },
      { ...azure, credentials: { ...azure.credentials, accountKey: WRONG.accountKey } },
      { ...azure, endpoint: `${gone}/${azure.credentials['accountName']}` },
      { ...azure, credentials: { ...azure.credentials, accountKey: `${WRONG.accountKey}!` } },
      { ...azure, credentials: { accountName: azure.credentials['accountName'], sasToken: WRONG_SAS } },
      { ...azure, credentials: { accountName: azure.credentials['accountName'], sasToken: `sr=c&${WRONG_SAS}` } },
      { ...minio, credentials: { ...minio.credentials, ...PROXY }, options: { insecure: true, proxy: gone } },
      { ...minio, credentials: { source: 'chain', ...ROLE } },
      { ...minio, credentials: { ...minio.credentials, secretKey: WRONG.secretKey, ...ROLE } },
      { ...gcs, endpoint: gone },
      { ...gcs, credentials: { serviceAccount: account?.document.slice(0, -5) } },
      { ...gcs, credentials: { serviceAccount: account?.document }, type: 's3' },
    ];
    for (const body of refused) expect([400, 422]).toContain((await register(body)).status);
    for (const body of [minio, azure, gcs]) expect((await register(body)).status).toBe(201);
    const wrong = { accessKey: minio.credentials['accessKey'], secretKey: WRONG.secretKey };
    await client.expect(422, 'PUT', '/admin/v1/backends/minio/credentials', { json: wrong });
    const role = { ...minio.credentials, ...ROLE };
    await client.expect(200, 'PUT', '/admin/v1/backends/minio/credentials', { json: role });
    const { accountName = '', accountKey = '' } = azure.credentials;
    const [sas, signature] = sasOf(accountName, accountKey);
    needles.push(needle('the signature of a SAS', signature));
    const json = { accountName, sasToken: sas };
    // Right as it is: but Azurite copies nothing under a SAS of the account, so the probe fails half-way (account-sas-copy).
    await client.expect(422, 'PUT', '/admin/v1/backends/azurite/credentials', { json });
  }, 120_000);

  it('while buckets, objects and a migration work, and fail', async () => {
    for (const name of VENDORS) {
      await client.expect(200, 'PUT', `/v1/on-${name}`, { json: { name: `on-${name}`, backend: name } });
      await client.expect(200, 'PUT', `/v1/on-${name}/key`, { body: 'content' });
      await client.expect(200, 'GET', `/v1/on-${name}/key`);
    }
    const json = { bucket: 'on-minio', destination: { backend: 'azurite' } };
    const { id } = (await client.expect(202, 'POST', '/admin/v1/migrations', { json })).json() as { id: string };
    await until('the migration ends', 60_000, async () => {
      const { state } = (await client.send('GET', `/admin/v1/migrations/${id}`)).json() as { state: string };
      return state === 'completed';
    });
    const rules = [{ id: 'old', enabled: true, filter: { prefix: 'old/' }, expiration: { days: 30 } }];
    await client.expect(200, 'PUT', '/admin/v1/buckets/on-azurite/lifecycle', { json: { rules } });
    for (const server of servers.values()) server.pause();
    try {
      for (const name of ['azurite', 'fake-gcs-server']) {
        expect((await client.send('GET', `/v1/on-${name}/key`)).status).toBe(503);
        expect((await client.send('POST', `/admin/v1/backends/${name}/check`)).status).toBe(200);
      }
    } finally {
      for (const server of servers.values()) server.resume();
    }
  }, 120_000);

  it('of users, shown exactly once', async () => {
    await client.expect(201, 'POST', '/admin/v1/users', { json: { name: 'ada', role: 'user' } });
    const made = await client.expect(201, 'POST', '/admin/v1/keys', { json: { user: 'ada' } });
    const first = made.json() as { accessKey: string; secretKey: string };
    const ada = new RecordingClient({ url: spumoni?.url ?? '', ...first });
    await ada.expect(200, 'GET', '/admin/v1/users/me');
    const rotated = await client.expect(200, 'POST', `/admin/v1/keys/${first.accessKey}/rotate`);
    const second = rotated.json() as { secretKey: string };
    await ada.expect(401, 'GET', '/admin/v1/users/me');
    await new RecordingClient({ url: spumoni?.url ?? '', ...first, ...second }).expect(200, 'GET', '/v1/');
    userSecrets = [first.secretKey, second.secretKey];
    const hooked = await client.expect(201, 'POST', '/admin/v1/webhooks', {
      json: { url: 'https://example.com/hook' },
    });
    const hook = hooked.json() as { id: string; secret: string };
    webhook = hook.id;
    userSecrets.push(hook.secret);
    for (const [index, secret] of userSecrets.entries()) needles.push(needle(`user secret ${index}`, secret));
  }, 60_000);

  it('in every answer that the API gives', async () => {
    const { items } = (await client.expect(200, 'GET', '/admin/v1/migrations')).json() as { items: { id: string }[] };
    const keys = (await client.expect(200, 'GET', '/admin/v1/keys')).json() as { items: { accessKey: string }[] };
    const values: Record<string, string | undefined> = {
      name: 'minio',
      bucket: 'on-azurite',
      key: 'key',
      object: 'key',
      id: items[0]?.id,
      user: 'ada',
      accessKey: keys.items[0]?.accessKey,
    };
    const paths = await everyGet((path, parameter) =>
      path.includes('/tiers/')
        ? 'Gold'
        : path.includes('/webhooks/')
          ? webhook
          : path.includes('/vendors/')
            ? 'aws'
            : values[parameter],
    );
    expect(paths.length).toBeGreaterThan(15);
    expect(await askAll(client, paths)).toEqual([]);
    for (const secret of userSecrets) {
      const showing = client.answers.filter(({ bytes }) => bytes.includes(secret));
      expect(showing.map(({ what }) => what)).toHaveLength(1);
    }
    const shownOnce = new Set(
      client.answers.filter(({ bytes }) => userSecrets.some((secret) => bytes.includes(secret))),
    );
    const found = client.answers
      .filter((answer) => !shownOnce.has(answer))
      .flatMap(({ what, bytes }) => findIn(bytes, needles).map((secret) => `${secret} in ${what}`));
    expect(found).toEqual([]);
  }, 120_000);

  it('in all that the processes print, and in every file of the data directory', async () => {
    const running = spumoni ?? fail('not running');
    const live = await searchFiles(running.dataDirectory, needles);
    expect(live.found).toEqual([]);
    await running.interrupt();
    const still = await searchFiles(running.dataDirectory, needles);
    expect(still.found).toEqual([]);
    expect(still.files).toBeGreaterThan(100);
    expect(running.output.length).toBeGreaterThan(1_000);
    expect(findIn(Buffer.from(running.output), needles)).toEqual([]);
  }, 120_000);
});

/** A SAS of the whole account for an hour, and its signature. */
function sasOf(accountName: string, accountKey: string): [sas: string, signature: string] {
  const sas = generateAccountSASQueryParameters(
    {
      ...{ services: 'b', resourceTypes: 'sco', expiresOn: new Date(Date.now() + 3_600_000) },
      permissions: AccountSASPermissions.parse('rwdlacuptf'),
    },
    new StorageSharedKeyCredential(accountName, accountKey),
  );
  return [sas.toString(), sas.signature];
}

function fail(message: string): never {
  throw new Error(message);
}
