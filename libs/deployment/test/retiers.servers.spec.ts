import { HeadObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createBucket, openBucket, type OperationContext } from '#libs/objects';
import { findServer, startMinio, type AccessKeys, type RunningServer } from '../../../test/servers/index.js';
import { runJob, type OpenDeployment } from '../src/index.js';
import { Client } from './objects.js';
import { administrator, Stand } from './stand.js';

const absent = findServer('minio') ? '' : ' [skipped: minio is not installed]';

(absent === '' ? describe : describe.skip)(`another meaning of a tier on MinIO${absent}`, () => {
  const stand = new Stand();
  let server: RunningServer<AccessKeys>;
  let sdk: S3Client;
  let deployment: OpenDeployment;
  let context: OperationContext;

  beforeAll(async () => {
    server = await startMinio();
    const { accessKey: accessKeyId, secretKey: secretAccessKey } = server.credentials;
    const credentials = { accessKeyId, secretAccessKey };
    sdk = new S3Client({ endpoint: server.endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
    await stand.start();
    deployment = await stand.fresh({ SPUMONI_GARBAGE_GRACE_SECONDS: '0' });
    context = await administrator(deployment);
    await deployment.backends.register('test', {
      ...{ name: 'company', type: 's3', profile: 'minio', endpoint: server.endpoint, region: 'us-east-1' },
      credentials: server.credentials,
      options: { insecure: true },
    });
  }, 120_000);
  afterAll(async () => {
    sdk.destroy();
    await stand.dispose();
    await server.stop();
  }, 60_000);

  it('changes the class at the vendor itself, and neither bytes nor metadata', async () => {
    await deployment.tiers.put('Scratch', { classes: { minio: 'STANDARD' } });
    await createBucket(deployment.engine, context, { name: 'scratch', backend: 'company', policy: 'Scratch' });
    const client = new Client(deployment, context, 'scratch');
    for (let n = 0; n < 20; n += 1)
      await client.put(`k/${String(n).padStart(2, '0')}`, `text of ${n}`, { n: String(n) });
    await deployment.tiers.put('Scratch', { classes: { minio: 'REDUCED_REDUNDANCY' } });
    const preview = await deployment.retiers.preview(context, 'scratch');
    expect(preview).toMatchObject({
      change: { objects: 20 },
      groups: [
        { backend: 'company', tier: 'Scratch', storageClass: 'STANDARD', to: 'REDUCED_REDUNDANCY', objects: 20 },
      ],
    });
    const { id } = await deployment.retiers.begin(context, 'scratch');
    expect(await runJob(deployment, id, 'one')).toBe('completed');
    expect(await deployment.jobs.get(id)).toMatchObject({ objects: { total: 20, done: 20, failed: 0 } });
    const { containers } = await openBucket(deployment.engine, context, 'scratch');
    const at = { Bucket: containers[0]?.container ?? '', Key: 'k/07' };
    const head = await sdk.send(new HeadObjectCommand(at));
    expect([head.StorageClass, head.Metadata?.['of']]).toEqual(['REDUCED_REDUNDANCY', 'k/07']);
    expect(await client.contents()).toEqual(client.believed);
    expect(await deployment.retiers.preview(context, 'scratch')).toMatchObject({ change: { objects: 0 }, looked: 20 });
  });
});
