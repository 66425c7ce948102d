import * as s3 from '@aws-sdk/client-s3';
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob';
import { Storage } from '@google-cloud/storage';
import { openBackend, type ObjectBackend } from '#libs/backends';
import { startAzurite, startFakeGcs, startMinio, startMoto } from '../../../../test/servers/index.js';

const CREDENTIALS_ARE_CLEAR = { insecure: true } as const;

/** What others store beside an object. */
export interface OutsideAttributes {
  readonly contentType: string;
  readonly metadata: Record<string, string>;
}

/** A vendor's own client: how others use the vendor beside Spumoni. */
export interface Outside {
  readonly name: string;
  /** The adapter, for Spumoni. */
  readonly backend: ObjectBackend;
  make(container: string, options?: { readonly versioned?: boolean }): Promise<void>;
  put(container: string, key: string, bytes: Buffer, attributes?: OutsideAttributes): Promise<void>;
  /** In parts, so that the vendor's ETag is no MD5. Answers the vendor's ETag. */
  putInParts?(container: string, key: string, parts: readonly Buffer[]): Promise<void>;
  get(container: string, key: string): Promise<Buffer>;
  remove(container: string, key: string): Promise<void>;
  keys(container: string): Promise<string[]>;
  stop(): Promise<void>;
}

/** MinIO or moto, by the AWS SDK. */
export async function outsideS3(name: 'minio' | 'moto'): Promise<Outside> {
  const server = name === 'minio' ? await startMinio() : await startMoto();
  const { accessKey, secretKey } = server.credentials;
  const backend = await openBackend({
    name,
    type: 's3',
    // moto does not encode keys of listings as AWS does.
    profile: name === 'minio' ? 'minio' : 'generic',
    endpoint: server.endpoint,
    region: 'us-east-1',
    credentials: { accessKey, secretKey: { reveal: () => secretKey } },
    options: CREDENTIALS_ARE_CLEAR,
  });
  const client = new s3.S3Client({
    endpoint: server.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
  });
  return {
    name,
    backend,
    make: async (Bucket, { versioned = false } = {}) => {
      await client.send(new s3.CreateBucketCommand({ Bucket }));
      const VersioningConfiguration = { Status: 'Enabled' as const };
      if (versioned) await client.send(new s3.PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
    },
    put: async (Bucket, Key, Body, attributes) => {
      const more = attributes ? { ContentType: attributes.contentType, Metadata: attributes.metadata } : {};
      await client.send(new s3.PutObjectCommand({ Bucket, Key, Body, ...more }));
    },
    putInParts: async (Bucket, Key, parts) => {
      const { UploadId } = await client.send(new s3.CreateMultipartUploadCommand({ Bucket, Key }));
      const done: s3.CompletedPart[] = [];
      for (const [index, Body] of parts.entries()) {
        const PartNumber = index + 1;
        const { ETag } = await client.send(new s3.UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }));
        done.push({ PartNumber, ETag });
      }
      const MultipartUpload = { Parts: done };
      await client.send(new s3.CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload }));
    },
    get: async (Bucket, Key) => {
      const { Body } = await client.send(new s3.GetObjectCommand({ Bucket, Key }));
      return Buffer.from((await Body?.transformToByteArray()) ?? []);
    },
    remove: async (Bucket, Key) => {
      await client.send(new s3.DeleteObjectCommand({ Bucket, Key }));
    },
    keys: async (Bucket) => {
      const { Contents = [] } = await client.send(new s3.ListObjectsV2Command({ Bucket }));
      return Contents.flatMap(({ Key }) => (Key === undefined ? [] : [Key])).sort();
    },
    stop: async () => {
      client.destroy();
      await backend.close();
      await server.stop();
    },
  };
}

/** Azurite, by the Azure SDK. */
export async function outsideAzure(): Promise<Outside> {
  const server = await startAzurite();
  const { accountName, accountKey } = server.credentials;
  const backend = await openBackend({
    name: 'azurite',
    type: 'azure',
    endpoint: server.endpoint,
    credentials: { accountName, accountKey: { reveal: () => accountKey } },
    options: CREDENTIALS_ARE_CLEAR,
  });
  const service = new BlobServiceClient(server.endpoint, new StorageSharedKeyCredential(accountName, accountKey));
  const blob = (container: string, key: string) => service.getContainerClient(container).getBlockBlobClient(key);
  return {
    name: 'azurite',
    backend,
    make: async (container) => {
      await service.createContainer(container);
    },
    put: async (container, key, bytes, attributes) => {
      const more = attributes
        ? { blobHTTPHeaders: { blobContentType: attributes.contentType }, metadata: attributes.metadata }
        : {};
      await blob(container, key).upload(bytes, bytes.length, more);
    },
    putInParts: async (container, key, parts) => {
      const ids = parts.map((_, index) => Buffer.from(`block-${index}`).toString('base64'));
      for (const [index, part] of parts.entries())
        await blob(container, key).stageBlock(ids[index] ?? '', part, part.length);
      await blob(container, key).commitBlockList(ids);
    },
    get: (container, key) => blob(container, key).downloadToBuffer(),
    remove: async (container, key) => {
      await blob(container, key).delete();
    },
    keys: async (container) => {
      const found: string[] = [];
      for await (const { name } of service.getContainerClient(container).listBlobsFlat()) found.push(name);
      return found.sort();
    },
    stop: async () => {
      await backend.close();
      await server.stop();
    },
  };
}

/** fake-gcs-server, by Google's SDK. */
export async function outsideGcs(): Promise<Outside> {
  const server = await startFakeGcs();
  const { projectId } = server.credentials;
  const options = { ...CREDENTIALS_ARE_CLEAR, projectId };
  const backend = await openBackend({ name: 'gcs', type: 'gcs', endpoint: server.endpoint, credentials: {}, options });
  const sdk = new Storage({ apiEndpoint: server.endpoint, projectId });
  const file = (container: string, key: string) => sdk.bucket(container).file(key);
  return {
    name: 'fake-gcs-server',
    backend,
    make: async (container) => {
      await sdk.createBucket(container);
    },
    put: async (container, key, bytes, attributes) => {
      await file(container, key).save(bytes, {
        resumable: false,
        ...(attributes ? { metadata: attributes } : {}),
      });
    },
    get: async (container, key) => (await file(container, key).download())[0],
    remove: async (container, key) => {
      await file(container, key).delete();
    },
    keys: async (container) => {
      const [files] = await sdk.bucket(container).getFiles();
      return files.map(({ name }) => name).sort();
    },
    stop: async () => {
      await backend.close();
      await server.stop();
    },
  };
}
