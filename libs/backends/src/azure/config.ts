import { z } from 'zod';
import { limitsOf } from '#libs/naming';
import type { BackendDefinition, Revealable } from '../definition.js';
import { BackendError } from '../errors.js';

const MIB = 1024 * 1024;

/** The settings of an Azure Blob backend, checked and complete. */
export interface AzureConfig {
  readonly name: string;
  readonly account: string;
  readonly accountKey: Revealable;
  /** Scheme, host and port. */
  readonly origin: string;
  /** What comes before the container in every path: empty, or `/ACCOUNT` at emulators. */
  readonly basePath: string;
  /** Where the operator says the account lies; Azure itself tells nobody but its management plane. */
  readonly region: string | undefined;
  readonly connections: number;
  /** Bytes of the first blocks of an upload whose length is unknown; they grow, see blocks.ts. */
  readonly blockBytes: number;
  /** The largest object that is sent in one request. */
  readonly singleRequestBytes: number;
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$|^[A-Za-z0-9+/]{2,3}={1,2}$/;

const secret = z
  .custom<Revealable>(
    (value) => typeof value === 'object' && value !== null && 'reveal' in value && typeof value.reveal === 'function',
    'missing; expected a secret',
  )
  .refine((key) => BASE64.test(key.reveal()), 'expected base64, as the portal shows it');

const settings = z.strictObject({
  name: z.string(),
  type: z.literal('azure'),
  endpoint: z.string().optional(),
  region: z.string().min(1).optional(),
  credentials: z.strictObject({
    accountName: z.string('missing').regex(/^[a-z0-9]{3,24}$/, 'expected 3 to 24 lowercase letters and digits'),
    accountKey: secret,
  }),
  options: z.strictObject({
    insecure: z.boolean().optional(),
    connections: z.int().min(1).max(1024).optional(),
    blockBytes: z.int().min(1).optional(),
    singleRequestBytes: z.int().min(0).optional(),
  }),
});

/**
 * Checks a definition of type `azure`. Fails with `invalid`, naming every setting that is missing, unknown or of the wrong form. Plain http needs
 * `options.insecure`. Options: `insecure`, `connections`, `blockBytes`, `singleRequestBytes`.
 */
export function parseConfig(definition: BackendDefinition): AzureConfig {
  const parsed = settings.safeParse(definition);
  if (!parsed.success) throw refuse(definition.name, parsed.error.issues.map(describe));
  const { name, credentials, options, region } = parsed.data;
  const account = credentials.accountName;
  const endpoint = parsed.data.endpoint ?? `https://${account}.blob.core.windows.net`;
  const { maxSinglePutBytes, maxPartBytes } = limitsOf('azure');
  return {
    name,
    account,
    accountKey: credentials.accountKey,
    ...parseEndpoint({ name, account, endpoint, insecure: options.insecure === true }),
    region,
    connections: options.connections ?? 64,
    blockBytes: Math.min(options.blockBytes ?? 8 * MIB, maxPartBytes),
    singleRequestBytes: Math.min(options.singleRequestBytes ?? Infinity, maxSinglePutBytes),
  };
}

function parseEndpoint(given: { name: string; account: string; endpoint: string; insecure: boolean }): {
  origin: string;
  basePath: string;
} {
  const { name, account, endpoint, insecure } = given;
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  const path = url?.pathname.replace(/\/$/, '') ?? '';
  const known = url && ['http:', 'https:'].includes(url.protocol) && (path === '' || path === `/${account}`);
  if (!known || url.username || url.password || url.search || url.hash)
    throw refuse(name, [
      'endpoint: expected https://HOST or https://HOST:PORT, with no path but the account name, without query or user',
    ]);
  if (url.protocol === 'http:' && !insecure)
    throw refuse(name, ['endpoint: plain http sends data unencrypted; use https, or set options.insecure']);
  return { origin: url.origin, basePath: path };
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
