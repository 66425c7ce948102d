import { z } from 'zod';
import type { BackendDefinition, Revealable } from '../definition.js';
import { BackendError } from '../errors.js';
import { NO_MACHINE_IDENTITY } from '../identity/index.js';
import type { MachineIdentity } from '../identity/index.js';
import { lineCredentials, lineOptions, parseLine } from '../wire/index.js';
import type { Line } from '../wire/index.js';
import { parseServiceAccount } from './service-account.js';
import type { ServiceAccount } from './service-account.js';

export const GOOGLE_ENDPOINT = 'https://storage.googleapis.com';

/** The settings of a GCS backend, checked and complete. */
export interface GcsConfig {
  readonly name: string;
  readonly endpoint: URL;
  /** The project that containers are made in and listed of. */
  readonly projectId: string;
  /** Where containers are made that name no region; absent leaves it to GCS (US). */
  readonly region: string | undefined;
  /** Absent: requests carry no authorization, as emulators have it. */
  readonly serviceAccount: ServiceAccount | undefined;
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
  credentials: z.strictObject({ serviceAccount: secret.optional(), ...lineCredentials }),
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
 * `connections`, `chunkBytes`. Credentials may be empty with an endpoint of one's own alone: an emulator.
 */
export function parseConfig(definition: BackendDefinition, _machine: MachineIdentity = NO_MACHINE_IDENTITY): GcsConfig {
  const parsed = settings.safeParse(definition);
  if (!parsed.success) throw refuse(definition.name, parsed.error.issues.map(describe));
  const { name, region, credentials, options } = parsed.data;
  const insecure = options.insecure === true;
  const problems: string[] = [];
  const endpoint = parseEndpoint(definition.endpoint ?? GOOGLE_ENDPOINT, insecure, problems);
  const serviceAccount = parseServiceAccount(credentials.serviceAccount, insecure, problems);
  if (!credentials.serviceAccount && definition.endpoint === undefined)
    problems.push('credentials.serviceAccount: missing (only an endpoint of your own may go without)');
  const line = parseLine({ options, credentials }, problems);
  const projectId = options.projectId ?? serviceAccount?.projectId;
  if (projectId === undefined) problems.push('options.projectId: missing');
  if (problems.length > 0 || !endpoint || projectId === undefined) throw refuse(name, problems);
  return {
    name,
    endpoint,
    projectId,
    region,
    serviceAccount,
    line,
    connections: options.connections ?? 64,
    chunkBytes: options.chunkBytes ?? DEFAULT_CHUNK_BYTES,
  };
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

function describe(issue: z.core.$ZodIssue): string {
  const at = issue.path.map(String);
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => `${[...at, key].join('.')}: unknown`).join('; ');
  return `${at.join('.')}: ${issue.message}`;
}

function refuse(backend: string, problems: readonly string[]): BackendError {
  return new BackendError('invalid', `backend ${backend} has bad settings: ${problems.join('; ')}`, { backend });
}
