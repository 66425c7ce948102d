import { it } from '@jest/globals';
import { openBackend, type ObjectBackend } from '#libs/backends';
import type { S3Profile } from '#libs/naming';
import { findServer, start, type ServerName } from '../servers/index.js';

/** What `POST /admin/v1/backends` takes. */
export interface BackendBody {
  readonly name: string;
  readonly type: 's3' | 'azure' | 'gcs' | 'filesystem';
  readonly profile?: S3Profile;
  readonly endpoint?: string;
  readonly region?: string;
  readonly credentials: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string | boolean>>;
}

/** A real server, and how it is registered as a backend. */
export interface VendorServer {
  readonly body: BackendBody;
  pause(): void;
  resume(): void;
  kill(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** The servers that are vendors: where bytes may lie. */
export type VendorName = Exclude<ServerName, 'ferretdb'>;

/** False where the server is not installed: the suite is then counted as one skipped test. */
export function isInstalled(name: ServerName): boolean {
  if (findServer(name)) return true;
  it.skip(`needs ${name} [skipped: ${name} is not installed]`, () => undefined);
  return false;
}

const insecure = true;

/** Starts a server of that name and says how it is registered, under `as` or else its own name. */
export async function startVendor(name: VendorName, as: string = name): Promise<VendorServer> {
  if (name === 'azurite') {
    const server = await start(name);
    const { accountName, accountKey } = server.credentials;
    const credentials = { accountName, accountKey };
    return withBody(server, { name: as, type: 'azure', endpoint: server.endpoint, credentials, options: { insecure } });
  }
  if (name === 'fake-gcs-server') {
    const server = await start(name);
    const options = { insecure, projectId: server.credentials.projectId };
    return withBody(server, { name: as, type: 'gcs', endpoint: server.endpoint, credentials: {}, options });
  }
  const server = await start(name);
  const { accessKey, secretKey } = server.credentials;
  return withBody(server, {
    name: as,
    type: 's3',
    profile: name === 'minio' ? 'minio' : 'generic',
    endpoint: server.endpoint,
    region: 'us-east-1',
    credentials: { accessKey, secretKey },
    options: { insecure },
  });
}

const OPEN_FIELDS = new Set(['accessKey', 'accountName']);

/** The vendor itself, past the product: for looking at what it really holds. To be closed. */
export function openDirect(body: BackendBody): Promise<ObjectBackend> {
  const fields = Object.entries(body.credentials);
  const credentials = fields.map(([field, value]) => [field, OPEN_FIELDS.has(field) ? value : { reveal: () => value }]);
  return openBackend({ ...body, credentials: Object.fromEntries(credentials) as Record<string, string> });
}

function withBody(server: Omit<VendorServer, 'body'>, body: BackendBody): VendorServer {
  return {
    body,
    pause: () => server.pause(),
    resume: () => server.resume(),
    kill: () => server.kill(),
    restart: () => server.restart(),
    stop: () => server.stop(),
  };
}
