import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { openBackend, type BackendDefinition, type ObjectBackend } from '#libs/backends';
import { startAzurite, startFakeGcs, startMinio, type ServerName } from '../../../../test/servers/index.js';
import { FaultyLine, type Asked, type Received, type VendorAnswer, type Vendorspeak } from './faulty-line.js';

const KIB = 1024;

/** A vendor's server, reached over a line that can fail. */
export interface LinedVendor {
  readonly server: ServerName;
  readonly line: FaultyLine;
  /** Over the line. */
  readonly backend: ObjectBackend;
  /** An object of more than one part, the last being small. */
  readonly size: number;
  /** The first request of a clean-up, as the line names it. */
  readonly cleanUp: string;
  /** Makes a container whose writes have no tokens, where the vendor has such. */
  makeWeak?(container: string): Promise<void>;
  stop(): Promise<void>;
}

interface Started {
  readonly endpoint: string;
  stop(): Promise<void>;
}

async function lined(
  server: ServerName,
  started: Started,
  how: Pick<LinedVendor, 'size' | 'cleanUp'> & {
    speak: Vendorspeak;
    definition: Omit<BackendDefinition, 'name' | 'endpoint'>;
  },
): Promise<LinedVendor> {
  const there = new URL(started.endpoint);
  const line = await FaultyLine.to(there.origin, how.speak);
  const endpoint = line.origin + (there.pathname === '/' ? '' : there.pathname);
  const backend = await openBackend({ ...how.definition, name: server, endpoint });
  const stop = async (): Promise<void> => {
    await backend.close();
    await line.close();
    await started.stop();
  };
  return { server, line, backend, size: how.size, cleanUp: how.cleanUp, stop };
}

/** By S3's multipart upload. Parts have 5 MiB at least. */
export async function linedMinio(): Promise<LinedVendor> {
  const started = await startMinio();
  const { accessKey, secretKey } = started.credentials;
  const partBytes = 5 * KIB * KIB;
  const options = { insecure: true, partBytes, singleRequestBytes: partBytes };
  const credentials = { accessKey, secretKey: { reveal: () => secretKey } };
  const definition = { type: 's3', profile: 'minio', region: 'us-east-1', credentials, options } as const;
  const vendor = await lined('minio', started, {
    speak: S3,
    size: partBytes + 100,
    cleanUp: 'DELETE uploadId #1',
    definition,
  });
  const makeWeak = async (Bucket: string): Promise<void> => {
    const client = new S3Client({
      endpoint: started.endpoint,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
    });
    await client.send(new CreateBucketCommand({ Bucket }));
    client.destroy();
  };
  return { ...vendor, makeWeak };
}

/** By blocks on a staging blob, which is then promoted. */
export async function linedAzurite(): Promise<LinedVendor> {
  const started = await startAzurite();
  const { accountName, accountKey } = started.credentials;
  const blockBytes = 64 * KIB;
  const options = { insecure: true, blockBytes, singleRequestBytes: blockBytes };
  const credentials = { accountName, accountKey: { reveal: () => accountKey } };
  const definition = { type: 'azure', credentials, options } as const;
  return lined('azurite', started, {
    speak: AZURE,
    size: blockBytes + 100,
    cleanUp: 'PUT comp=blocklist staging #1',
    definition,
  });
}

/** By a resumable upload. */
export async function linedGcs(): Promise<LinedVendor> {
  const started = await startFakeGcs();
  const chunkBytes = 256 * KIB;
  const options = { insecure: true, projectId: started.credentials.projectId, chunkBytes };
  return lined('fake-gcs-server', started, {
    speak: speakGcs(),
    size: chunkBytes + 100,
    cleanUp: 'DELETE uploadType=resumable upload_id #1',
    definition: { type: 'gcs', credentials: {}, options },
  });
}

function namedBy(parameters: readonly string[]): Vendorspeak['name'] {
  return (method, { searchParams }) => {
    const shown = parameters.filter((name) => searchParams.has(name)).map((name) => shownAs(name, searchParams));
    return [method, ...shown].join(' ');
  };
}

/** Ids differ in every run. */
function shownAs(name: string, parameters: URLSearchParams): string {
  return /id$/i.test(name) ? name : `${name}=${parameters.get(name) ?? ''}`;
}

const xml = (status: number, code: string): VendorAnswer => ({
  status,
  headers: { 'content-type': 'application/xml', 'x-amz-request-id': 'line', 'x-ms-request-id': 'line' },
  body: `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>said by the line</Message></Error>`,
});

const S3: Vendorspeak = {
  name: namedBy(['uploads', 'uploadId', 'partNumber', 'versioning', 'versions']),
  tooMuch: xml(503, 'SlowDown'),
  broken: xml(500, 'InternalError'),
};

const byParameters = namedBy(['comp', 'blockid']);
const AZURE: Vendorspeak = {
  name: (method, url) =>
    `${byParameters(method, url)} ${url.pathname.includes('/.spumoni/staging/') ? 'staging' : 'at the key'}`,
  tooMuch: xml(503, 'ServerBusy'),
  broken: xml(500, 'InternalError'),
};

const json = (code: number, reason: string): VendorAnswer => ({
  status: code,
  headers: { 'content-type': 'application/json; charset=UTF-8' },
  body: JSON.stringify({ error: { code, message: 'said by the line', errors: [{ reason }] } }),
});

/**
 * fake-gcs-server ends an upload that is only asked how far it came, by a range of nothing (its gap `resumable-status`). GCS tells, and changes nothing: cloud.google.com/storage/docs/performing-resumable-uploads#status-check.
 */
function speakGcs(): Vendorspeak {
  const sessions = new Map<string, { persisted: number; ended?: Received }>();
  const sessionOf = ({ path }: Asked): string | undefined => /[?&]upload_id=([^&]+)/.exec(path)?.[1];
  return {
    name: namedBy(['uploadType', 'upload_id']),
    tooMuch: json(429, 'rateLimitExceeded'),
    broken: json(503, 'backendError'),
    instead: (asked) => {
      const session = sessions.get(sessionOf(asked) ?? '');
      if (asked.headers['content-range'] !== 'bytes */*' || session?.ended?.status === 499) return undefined;
      if (session?.ended) return session.ended;
      const range = session ? { range: `bytes=0-${String(session.persisted - 1)}` } : {};
      return { status: 308, headers: { ...range, 'content-length': '0' }, body: Buffer.alloc(0) };
    },
    heard: (asked, received) => {
      const id = sessionOf(asked);
      if (id === undefined) return;
      const last = Number(/^bytes \d+-(\d+)/.exec(asked.headers['content-range'] ?? '')?.[1] ?? Number.NaN);
      if (received.status === 308) sessions.set(id, { persisted: last + 1 });
      else if (received.status > 0) sessions.set(id, { persisted: 0, ended: received });
    },
  };
}
