import { z } from 'zod';
import { limitsOf, vendorOf } from '#libs/naming';
import type { Vendor } from '#libs/naming';
import { describeIssue, refuseSettings } from '../bad-settings.js';
import type { BackendDefinition } from '../definition.js';
import { NO_MACHINE_IDENTITY, objectionsTo } from '../identity/index.js';
import type { IdentityUse, MachineIdentity } from '../identity/index.js';
import { lineOptions, parseLine } from '../wire/index.js';
import type { Line } from '../wire/index.js';
import { awsCredentials, parseIdentity } from './identity.js';
import type { AwsIdentity } from './identity.js';
import { quirksOf } from './profiles.js';
import type { S3Quirks } from './profiles.js';

const MIB = 1024 * 1024;

/** The settings of an S3-family backend, checked and complete. */
export interface AwsConfig {
  readonly name: string;
  readonly type: 'aws' | 's3';
  readonly vendor: Vendor;
  readonly quirks: S3Quirks;
  readonly endpoint: URL;
  readonly region: string;
  readonly addressing: 'virtual-host' | 'path';
  readonly identity: AwsIdentity;
  /** Where roles are assumed; undefined: AWS's own for the region. */
  readonly stsEndpoint: URL | undefined;
  readonly line: Line;
  readonly connections: number;
  /** Listings are asked for with percent-encoded keys, which alone carries every key through XML 1.0; some services do it wrong. */
  readonly urlEncodedListing: boolean;
  /** Bytes of the first parts of an upload whose length is unknown; they grow, see multipart.ts. */
  readonly partBytes: number;
  /** The largest object that is sent, or copied, in one request. */
  readonly singleRequestBytes: number;
}

const settings = z.strictObject({
  name: z.string(),
  type: z.enum(['aws', 's3']),
  profile: z.string().optional(),
  endpoint: z.string().optional(),
  region: z
    .string()
    .regex(/^[a-z0-9-]+$/, 'expected a region such as eu-central-1')
    .optional(),
  credentials: awsCredentials,
  options: z.strictObject({
    insecure: z.boolean().optional(),
    ...lineOptions,
    stsEndpoint: z.string().optional(),
    pathStyle: z.boolean().optional(),
    urlEncodedListing: z.boolean().optional(),
    connections: z.int().min(1).max(1024).optional(),
    partBytes: z
      .int()
      .min(5 * MIB)
      .optional(),
    singleRequestBytes: z
      .int()
      .min(5 * MIB)
      .optional(),
  }),
});

/**
 * Checks a definition of type `aws` or `s3`. Fails with `invalid`, naming every setting that is missing, unknown or of the wrong form. Plain http
 * needs `options.insecure`. Options: `insecure`, `pathStyle`, `urlEncodedListing`, `connections`, `partBytes`, `singleRequestBytes`, `stsEndpoint`,
 * `ca`, `proxy`. A use of this machine's identity that `machine` does not allow is refused.
 */
export function parseConfig(definition: BackendDefinition, machine: MachineIdentity = NO_MACHINE_IDENTITY): AwsConfig {
  const parsed = settings.safeParse(definition);
  if (!parsed.success)
    throw refuseSettings(definition.name, [...parsed.error.issues.map(describeIssue), ...missingOf(definition)]);
  const { name, type, credentials, options } = parsed.data;
  const vendor = vendorOf(definition.type, definition.profile);
  const quirks = quirksOf(vendor);
  if (!quirks || (type === 'aws' && definition.profile !== undefined))
    throw refuseSettings(name, [`profile: ${definition.profile ?? vendor} is not of type ${type}`]);
  const region = definition.region ?? quirks.defaultRegion;
  if (region === undefined) throw refuseSettings(name, ['region: missing']);
  const insecure = options.insecure === true;
  const endpoint = parseEndpoint(name, definition.endpoint ?? quirks.endpoint?.(region), insecure);
  const stsEndpoint = stsEndpointOf({ name, type, endpoint, given: options.stsEndpoint, insecure });
  const problems: string[] = [];
  const identity = parseIdentity({ name, credentials }, problems);
  const line = parseLine({ options, credentials }, problems);
  const endpoints = { endpoint, stsEndpoint };
  problems.push(...objectionsTo({ ...useOf(identity, endpoints), ownCa: line.ca !== undefined }, machine));
  if (identity === undefined || problems.length > 0) throw refuseSettings(name, problems);
  const limits = limitsOf(vendor);
  return {
    name,
    type,
    vendor,
    quirks,
    endpoint,
    region,
    addressing: addressingOf(definition, quirks, options.pathStyle),
    identity,
    stsEndpoint,
    line,
    urlEncodedListing: options.urlEncodedListing ?? limits.urlEncodingListing,
    connections: options.connections ?? 64,
    // Where all parts must be of one size they cannot grow, so they begin larger: 10,000 of them are 160 GB.
    partBytes: options.partBytes ?? (limits.equalParts ? 16 : 8) * MIB,
    singleRequestBytes: Math.min(options.singleRequestBytes ?? Infinity, limits.maxSinglePutBytes),
  };
}

/** What credentials lack that are of the wrong form as well: everything is said at once. */
function missingOf({ name, credentials }: BackendDefinition): string[] {
  const problems: string[] = [];
  const given = awsCredentials.strip().safeParse(credentials);
  if (given.success) parseIdentity({ name, credentials: given.data }, problems);
  return problems;
}

/** An endpoint of one's own (an emulator, a private cloud) seldom has a host name for each container. */
function addressingOf(
  definition: BackendDefinition,
  quirks: S3Quirks,
  pathStyle: boolean | undefined,
): AwsConfig['addressing'] {
  if (pathStyle !== undefined) return pathStyle ? 'path' : 'virtual-host';
  return definition.type === 'aws' && definition.endpoint !== undefined ? 'path' : quirks.addressing;
}

/** Services of S3's protocol that have an STS have it at the same address (MinIO, Ceph). */
function stsEndpointOf(given: {
  name: string;
  type: 'aws' | 's3';
  endpoint: URL;
  given: string | undefined;
  insecure: boolean;
}): URL | undefined {
  if (given.given !== undefined) return parseEndpoint(given.name, given.given, given.insecure, 'options.stsEndpoint');
  return given.type === 's3' ? given.endpoint : undefined;
}

function useOf(
  identity: AwsIdentity | undefined,
  { endpoint, stsEndpoint }: { endpoint: URL; stsEndpoint: URL | undefined },
): Omit<IdentityUse, 'ownCa'> {
  const chain = identity?.source === 'chain' ? 'credentials.source' : undefined;
  const token = identity?.source === 'web-identity' ? identity.tokenFile : undefined;
  const sts = stsEndpoint === undefined ? [] : [{ setting: 'options.stsEndpoint', url: stsEndpoint }];
  return {
    vendor: 'aws',
    ambient: chain,
    tokenFile: token === undefined ? undefined : { setting: 'credentials.tokenFile', path: token },
    origins: [{ setting: 'endpoint', url: endpoint }, ...sts],
  };
}

function parseEndpoint(name: string, endpoint: string | undefined, insecure: boolean, setting = 'endpoint'): URL {
  if (endpoint === undefined) throw refuseSettings(name, [`${setting}: missing`]);
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (
    !url ||
    !['http:', 'https:'].includes(url.protocol) ||
    url.username ||
    url.password ||
    url.search ||
    url.hash ||
    url.pathname !== '/'
  )
    throw refuseSettings(name, [`${setting}: expected https://HOST or https://HOST:PORT, without path, query or user`]);
  if (url.protocol === 'http:' && !insecure)
    throw refuseSettings(name, [`${setting}: plain http sends data unencrypted; use https, or set options.insecure`]);
  return url;
}
