import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { openBackend } from '../src/index.js';
import type { BackendErrorKind, ObjectBackend } from '../src/index.js';
import { kindOf } from '../src/azure/errors.js';
import { AzureAccess } from '../src/azure/access.js';
import { AzureClient } from '../src/azure/requests.js';
import { parseConfig } from '../src/azure/config.js';
import { createWire } from '../src/wire/index.js';
import { azureDefinition, describeOnAzurite, PLAIN } from './azure-server.js';
import { bytesOf } from './conformance/bytes.js';
import { failure } from './conformance/stage.js';

interface Refusal {
  readonly what: string;
  readonly code: string;
  readonly kind: BackendErrorKind;
  attempt(): Promise<unknown>;
}

describeOnAzurite("Azurite's refusals", (azurite) => {
  let backend: ObjectBackend;
  let client: AzureClient;
  let container: string;
  beforeAll(async () => {
    backend = await azurite.open();
    const config = parseConfig(azureDefinition(azurite.server));
    const wire = createWire({ backend: 'azurite', origin: config.origin });
    client = new AzureClient(config, wire, new AzureAccess(config));
    container = await azurite.container();
    await backend.put(azurite.call(), { container, key: 'here', body: bytesOf(1, 9), size: 9, attributes: PLAIN });
    const archived = { ...PLAIN, storageClass: 'Archive' };
    await backend.put(azurite.call(), { container, key: 'cold', body: bytesOf(1, 9), size: 9, attributes: archived });
  });
  afterAll(() => client.close());
  const send = (query: Record<string, string>, headers: Record<string, string> = {}, key = 'here', body = '') =>
    client.send(
      { verb: 'try', method: 'PUT', container, key, query, headers, body: Buffer.from(body) },
      azurite.call(),
    );
  const put = (extra: object) =>
    backend.put(azurite.call(), { container, key: 'here', body: bytesOf(1, 9), size: 9, attributes: PLAIN, ...extra });
  const archivedRef = async () => {
    const { token } = await backend.head(azurite.call(), { container, key: 'cold' });
    return { container, key: 'cold', token };
  };

  const refusals: readonly Refusal[] = [
    {
      what: 'an absent blob',
      code: 'BlobNotFound',
      kind: 'not-found',
      attempt: () => backend.get(azurite.call(), { container, key: 'gone' }),
    },
    {
      what: 'an absent blob, asked by HEAD',
      code: 'BlobNotFound',
      kind: 'not-found',
      attempt: () => backend.head(azurite.call(), { container, key: 'gone' }),
    },
    {
      what: 'an absent container',
      code: 'ContainerNotFound',
      kind: 'not-found',
      attempt: () => put({ container: 'not-there' }),
    },
    {
      what: 'an absent container, by the SDK',
      code: 'ContainerNotFound',
      kind: 'not-found',
      attempt: () => backend.list(azurite.call(), { container: 'not-there', include: 'current', limit: 9 }),
    },
    {
      what: 'a delete in an absent container',
      code: 'ContainerNotFound',
      kind: 'not-found',
      attempt: () => backend.delete(azurite.call(), { container: 'not-there', key: 'k', token: '0x8D0' }),
    },
    {
      what: 'a container that exists',
      code: 'ContainerAlreadyExists',
      kind: 'conflict',
      attempt: () => backend.createContainer(azurite.call(), { container }),
    },
    {
      what: 'a create-only write',
      code: 'BlobAlreadyExists',
      kind: 'precondition',
      attempt: () => put({ condition: { ifAbsent: true } }),
    },
    {
      what: 'a write against another token',
      code: 'ConditionNotMet',
      kind: 'precondition',
      attempt: () => put({ condition: { ifToken: '0x8D0' } }),
    },
    {
      what: 'a read of an archived blob',
      code: 'BlobArchived',
      kind: 'conflict',
      attempt: () => backend.get(azurite.call(), { container, key: 'cold' }),
    },
    {
      what: 'a copy of an archived blob',
      code: 'BlobArchived',
      kind: 'conflict',
      attempt: async () =>
        backend.copy(azurite.call(), { source: await archivedRef(), container, key: 'copy', attributes: PLAIN }),
    },
    {
      what: 'a restamp of an archived blob',
      code: 'BlobArchived',
      kind: 'conflict',
      attempt: async () => backend.restamp(azurite.call(), await archivedRef(), PLAIN),
    },
    {
      what: 'a range outside',
      code: 'InvalidRange',
      kind: 'invalid',
      attempt: () => backend.get(azurite.call(), { container, key: 'here', range: { start: 100, end: 200 } }),
    },
    {
      what: 'a block list with an unknown block',
      code: 'InvalidBlockList',
      kind: 'invalid',
      attempt: () => send({ comp: 'blocklist' }, {}, 'here', '<BlockList><Latest>AAAA</Latest></BlockList>'),
    },
    {
      what: 'a body of another MD5',
      code: 'Md5Mismatch',
      kind: 'integrity',
      attempt: () =>
        send({}, { 'x-ms-blob-type': 'BlockBlob', 'content-md5': Buffer.alloc(16).toString('base64') }, 'md5', 'x'),
    },
    {
      what: 'a tier that there is not',
      code: 'AccessTierNotSupportedForBlobType',
      kind: 'invalid',
      attempt: () => send({ comp: 'tier' }, { 'x-ms-access-tier': 'Lukewarm' }),
    },
    {
      what: 'a blob under a lease',
      code: 'LeaseIdMissing',
      kind: 'throttled',
      attempt: async () => {
        const { token } = await put({ key: 'leased' });
        await azurite.service
          .getContainerClient(container)
          .getBlobClient('leased')
          .getBlobLeaseClient()
          .acquireLease(15);
        return backend.delete(azurite.call(), { container, key: 'leased', token });
      },
    },
    {
      what: 'an operation that Azurite does not have',
      code: 'NotImplemented',
      kind: 'unsupported',
      attempt: () => send({ comp: 'expiry' }, { 'x-ms-expiry-option': 'NeverExpire' }),
    },
  ];

  it.each(refusals)('$what is $kind, $code', async ({ attempt, kind, code }) => {
    const failed = await failure(attempt(), kind);
    if (code !== 'NotImplemented') expect(failed.vendorCode).toBe(code);
    expect(failed.backend).toBe('azurite');
  });

  it('of a wrong key are denied, by the adapter and by the SDK, and a probe says what to look at', async () => {
    const { endpoint, credentials } = azurite.server;
    const accountKey = Buffer.from('another key').toString('base64');
    const wrong = await openBackend(azureDefinition({ endpoint, credentials: { ...credentials, accountKey } }));
    for (const attempt of [
      wrong.get(azurite.call(), { container, key: 'here' }),
      wrong.head(azurite.call(), { container, key: 'here' }),
      wrong.list(azurite.call(), { container, include: 'current', limit: 1 }),
    ])
      expect((await failure(attempt, 'denied')).vendorCode).toBe('AuthorizationFailure');
    const probed = await failure(wrong.probe(azurite.call(), 'probe'), 'denied');
    expect(probed.message).toMatch(/Check the account's name and key/);
    expect(probed.message).not.toContain(accountKey);
    await wrong.close();
    await client.close();
  });
});

it.each<[number, string | undefined, BackendErrorKind]>([
  [503, 'ServerBusy', 'throttled'],
  [500, 'OperationTimedOut', 'timeout'],
  [500, 'InternalError', 'unavailable'],
  [409, 'ContainerBeingDeleted', 'conflict'],
  [403, 'AuthenticationFailed', 'denied'],
  [409, 'A code of tomorrow', 'conflict'],
  [404, undefined, 'not-found'],
  [412, undefined, 'precondition'],
  [429, undefined, 'throttled'],
  [418, undefined, 'invalid'],
  [599, undefined, 'unavailable'],
  [302, undefined, 'unknown'],
])('status %i with the code %s is %s', (status, code, kind) => {
  expect(kindOf(status, code)).toBe(kind);
});
