import { GetObjectCommand, HeadObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createBucket, encryptBucket, openBucket, type OperationContext } from '#libs/objects';
import {
  findServer,
  startAzurite,
  startMinio,
  type AccessKeys,
  type RunningServer,
  type StorageAccount,
} from '../../../test/servers/index.js';
import { runJob, type OpenDeployment } from '../src/index.js';
import { Client } from './objects.js';
import { administrator, Stand } from './stand.js';

const OBJECTS = 20;
const missing = (['minio', 'azurite'] as const).filter((name) => !findServer(name));
const absent = missing.length === 0 ? '' : ` [skipped: ${missing.join()} not installed]`;

(absent === '' ? describe : describe.skip)(`another meaning of a tier on MinIO and Azurite${absent}`, () => {
  const stand = new Stand();
  let minio: RunningServer<AccessKeys>;
  let azurite: RunningServer<StorageAccount>;
  let sdk: S3Client;
  let deployment: OpenDeployment;
  let context: OperationContext;

  beforeAll(async () => {
    minio = await startMinio();
    azurite = await startAzurite();
    const { accessKey: accessKeyId, secretKey: secretAccessKey } = minio.credentials;
    const credentials = { accessKeyId, secretAccessKey };
    sdk = new S3Client({ endpoint: minio.endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
    await stand.start();
    deployment = await stand.fresh({ SPUMONI_GARBAGE_GRACE_SECONDS: '0' });
    context = await administrator(deployment);
    const options = { insecure: true };
    await deployment.backends.register('test', {
      ...{ name: 'minio', type: 's3', profile: 'minio', endpoint: minio.endpoint, region: 'us-east-1' },
      ...{ credentials: minio.credentials, options },
    });
    await deployment.backends.register('test', {
      ...{ name: 'azurite', type: 'azure', endpoint: azurite.endpoint, credentials: azurite.credentials, options },
    });
  }, 120_000);
  afterAll(async () => {
    sdk.destroy();
    await stand.dispose();
    await azurite.stop();
    await minio.stop();
  }, 60_000);

  async function fill(name: string, backend: string): Promise<Client> {
    await createBucket(deployment.engine, context, { name, backend, policy: 'Scratch' });
    const client = new Client(deployment, context, name);
    for (let n = 0; n < OBJECTS; n += 1) await client.put(`k/${String(n).padStart(2, '0')}`, `text of ${n}`);
    return client;
  }

  async function placeOf(name: string): Promise<string> {
    const { containers } = await openBucket(deployment.engine, context, name);
    return containers[0]?.container ?? '';
  }

  it('changes the class at the vendors themselves, and neither bytes nor metadata', async () => {
    await deployment.tiers.put('Scratch', { classes: { minio: 'STANDARD', azure: 'Hot' } });
    const clients = { scratch: await fill('scratch', 'minio'), blobs: await fill('blobs', 'azurite') };
    await deployment.tiers.put('Scratch', { classes: { minio: 'REDUCED_REDUNDANCY', azure: 'Cool' } });
    const preview = await deployment.retiers.previewTier(context, 'Scratch', { limit: 10 });
    expect(preview.items.map(({ bucket, change, groups }) => [bucket, change.objects, groups[0]?.to])).toEqual([
      ['blobs', OBJECTS, 'Cool'],
      ['scratch', OBJECTS, 'REDUCED_REDUNDANCY'],
    ]);
    const { items } = await deployment.retiers.beginTier(context, 'Scratch', { limit: 10 });
    for (const { id } of items) expect(await runJob(deployment, id, 'one')).toBe('completed');
    const head = await sdk.send(new HeadObjectCommand({ Bucket: await placeOf('scratch'), Key: 'k/07' }));
    expect([head.StorageClass, head.Metadata?.['of']]).toEqual(['REDUCED_REDUNDANCY', 'k/07']);
    const { accountName, accountKey } = azurite.credentials;
    const account = new BlobServiceClient(azurite.endpoint, new StorageSharedKeyCredential(accountName, accountKey));
    const blob = await account
      .getContainerClient(await placeOf('blobs'))
      .getBlobClient('k/07')
      .getProperties();
    expect([blob.accessTier, blob.metadata?.['of']]).toEqual(['Cool', 'k/07']);
    for (const [name, client] of Object.entries(clients)) {
      expect(await client.contents()).toEqual(client.believed);
      expect(await deployment.retiers.preview(context, name)).toMatchObject({
        ...{ looked: OBJECTS, change: { objects: 0 }, rename: { objects: 0 }, leftAlone: { own: { objects: 0 } } },
      });
    }
  });

  it('encrypts at the vendor what lay there plain', async () => {
    for (const [name, backend] of [
      ['secrets', 'minio'],
      ['secret-blobs', 'azurite'],
    ] as const) {
      const client = await fill(name, backend);
      await encryptBucket(deployment.engine, await openBucket(deployment.engine, context, name), true);
      const { id } = await deployment.encryption.encryptExisting(context, name);
      expect(await runJob(deployment, id, 'one')).toBe('completed');
      expect(await deployment.jobs.get(id)).toMatchObject({ objects: { total: OBJECTS, done: OBJECTS, failed: 0 } });
      expect(await client.contents()).toEqual(client.believed);
    }
    const stored = await sdk.send(new GetObjectCommand({ Bucket: await placeOf('secrets'), Key: 'k/07' }));
    expect(await stored.Body?.transformToString('latin1')).not.toContain('text of');
    const { Metadata = {} } = stored;
    expect(Metadata['of']).toBe('k/07');
  });
});
