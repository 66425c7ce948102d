import { z } from 'zod';
import { describeIssue, refuseSettings } from '../bad-settings.js';
import type { BackendDefinition, Revealable } from '../definition.js';
import { NO_MACHINE_IDENTITY, objectionsTo } from '../identity/index.js';
import type { IdentityUse, MachineIdentity } from '../identity/index.js';
import { lineCredentials, lineOptions, parseLine } from '../wire/index.js';
import type { Line } from '../wire/index.js';
import { GOOGLE_ENDPOINT } from './endpoint.js';
import { parseExternalAccount } from './federation.js';
import type { ExternalAccount } from './federation.js';
import { parseServiceAccount } from './service-account.js';
import type { ServiceAccount } from './service-account.js';

/** Who asks. Nobody: requests carry no authorization, as emulators have it. */
export type GcsIdentity =
  | { readonly kind: 'none' }
  | { readonly kind: 'service-account'; readonly account: ServiceAccount }
  | { readonly kind: 'external-account'; readonly account: ExternalAccount }
  | { readonly kind: 'chain' };

/** The settings of a GCS backend, checked and complete. */
export interface GcsConfig {
  readonly name: string;
  readonly endpoint: URL;
  /** The project that containers are made in and listed of. */
  readonly projectId: string;
  /** Where containers are made that name no region; absent leaves it to GCS (US). */
  readonly region: string | undefined;
  readonly identity: GcsIdentity;
  readonly line: Line;
  readonly connections: number;
  /** Bytes of one request of an upload whose length is unknown: held in memory, a multiple of 256 KiB. */
  readonly chunkBytes: number;
}

/** Chunks of a resumable upload, but for the last, are multiples of it (cloud.google.com/storage/docs/performing-resumable-uploads). */
export const CHUNK_QUANTUM = 256 * 1024;
const DEFAULT_CHUNK_BYTES = 32 * CHUNK_QUANTUM;

const secret = z.custom<Revealable>(
  (value) => typeof value === 'object' && value !== null && 'reveal' in value && typeof value.reveal === 'function',
  'expected a secret',
);

const settings = z.strictObject({
  name: z.string(),
  type: z.literal('gcs'),
  endpoint: z.string().optional(),
  region: z
    .string()
    .regex(/^[a-z0-9-]+$/i, 'expected a location such as europe-west3 or EU')
    .optional(),
  credentials: z.strictObject({
    source: z.enum(['keys', 'chain'], 'expected keys or chain').optional(),
    serviceAccount: secret.optional(),
    externalAccount: secret.optional(),
    ...lineCredentials,
  }),
  options: z.strictObject({
    insecure: z.boolean().optional(),
    ...lineOptions,
    projectId: z
      .string()
      .regex(/^[a-z0-9.:-]+$/, 'expected a project id such as my-project-1')
      .optional(),
    connections: z.int().min(1).max(1024).optional(),
    chunkBytes: z.int().min(CHUNK_QUANTUM).multipleOf(CHUNK_QUANTUM, 'expected a multiple of 262144').optional(),
  }),
});

/**
 * Checks a definition of type `gcs`. Fails with `invalid`, naming every setting that is missing, unknown or of the wrong form. Plain http, also
 * of the service account's `token_uri`, needs `options.insecure`. Options: `projectId` (default: the service account's), `insecure`,
 * `connections`, `chunkBytes`, `ca`, `proxy`. A use of this machine's identity that `machine` does not allow is refused. Credentials may be empty with an endpoint of one's own alone: an emulator.
 */
export function parseConfig(definition: BackendDefinition, machine: MachineIdentity = NO_MACHINE_IDENTITY): GcsConfig {
  const parsed = settings.safeParse(definition);
  if (!parsed.success) throw refuseSettings(definition.name, parsed.error.issues.map(describeIssue));
  const { name, region, credentials, options } = parsed.data;
  const insecure = options.insecure === true;
  const problems: string[] = [];
  const endpoint = parseEndpoint(definition.endpoint ?? GOOGLE_ENDPOINT, insecure, problems);
  const identity = parseIdentity(credentials, insecure, problems);
  if (identity?.kind === 'none' && definition.endpoint === undefined)
    problems.push('credentials.serviceAccount: missing (only an endpoint of your own may go without)');
  const line = parseLine({ options, credentials }, problems);
  const projectId =
    options.projectId ?? (identity?.kind === 'service-account' ? identity.account.projectId : undefined);
  if (projectId === undefined) problems.push('options.projectId: missing');
  if (identity && endpoint) {
    const use = useOf(identity, endpoint);
    problems.push(...objectionsTo({ vendor: 'gcs', ...use, ownCa: line.ca !== undefined }, machine));
  }
  if (problems.length > 0 || !endpoint || !identity || projectId === undefined) throw refuseSettings(name, problems);
  return {
    name,
    endpoint,
    projectId,
    region,
    identity,
    line,
    connections: options.connections ?? 64,
    chunkBytes: options.chunkBytes ?? DEFAULT_CHUNK_BYTES,
  };
}

function parseIdentity(
  { source, serviceAccount, externalAccount }: z.output<typeof settings>['credentials'],
  insecure: boolean,
  problems: string[],
): GcsIdentity | undefined {
  const AT = 'credentials.externalAccount';
  if (source === 'chain') {
    if (serviceAccount || externalAccount) problems.push('credentials.source: there is a document already');
    return { kind: 'chain' };
  }
  if (serviceAccount && externalAccount) problems.push(`${AT}: there is a serviceAccount already`);
  if (externalAccount) {
    const account = parseExternalAccount(externalAccount, insecure, problems);
    return account && { kind: 'external-account', account };
  }
  if (!serviceAccount) return { kind: 'none' };
  const account = parseServiceAccount(serviceAccount, insecure, problems);
  return account && { kind: 'service-account', account };
}

/** A federated token is some machine's identity, whoever issued it; a service account's key is the client's own. */
function useOf(identity: GcsIdentity, endpoint: URL): Omit<IdentityUse, 'vendor' | 'ownCa'> {
  const origins = [{ setting: 'endpoint', url: endpoint }];
  if (identity.kind === 'chain') return { ambient: 'credentials.source', origins };
  if (identity.kind !== 'external-account') return { origins };
  const AT = 'credentials.externalAccount';
  const { source, tokenUrl, impersonationUrl } = identity.account;
  origins.push({ setting: `${AT}.token_url`, url: tokenUrl });
  if (impersonationUrl) origins.push({ setting: `${AT}.service_account_impersonation_url`, url: impersonationUrl });
  if ('url' in source) return { ambient: `${AT}.credential_source.url`, origins };
  return { tokenFile: { setting: `${AT}.credential_source.file`, path: source.file }, origins };
}

function parseEndpoint(endpoint: string, insecure: boolean, problems: string[]): URL | undefined {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  const bare = url?.pathname === '/' && !url.username && !url.password && !url.search && !url.hash;
  if (!url || !bare || !['http:', 'https:'].includes(url.protocol)) {
    problems.push('endpoint: expected https://HOST or https://HOST:PORT, without path, query or user');
    return undefined;
  }
  if (url.protocol === 'http:' && !insecure)
    problems.push('endpoint: plain http sends data unencrypted; use https, or set options.insecure');
  return url;
}
