import { z } from 'zod';
import { limitsOf } from '#libs/naming';
import { describeIssue, refuseSettings } from '../bad-settings.js';
import type { BackendDefinition } from '../definition.js';
import { NO_MACHINE_IDENTITY, objectionsTo } from '../identity/index.js';
import type { MachineIdentity } from '../identity/index.js';
import { lineOptions, parseLine } from '../wire/index.js';
import type { Line } from '../wire/index.js';
import { azureEndpoint } from './endpoint.js';
import { azureCredentials, parseIdentity } from './identity.js';
import type { AzureIdentity, EntraIdentity } from './identity.js';

const MIB = 1024 * 1024;

/** The settings of an Azure Blob backend, checked and complete. */
export interface AzureConfig {
  readonly name: string;
  readonly account: string;
  readonly identity: AzureIdentity;
  /** Who issues tokens; undefined: the public cloud's Microsoft Entra ID. */
  readonly authorityHost: URL | undefined;
  readonly line: Line;
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

const settings = z.strictObject({
  name: z.string(),
  type: z.literal('azure'),
  endpoint: z.string().optional(),
  region: z.string().min(1).optional(),
  credentials: azureCredentials,
  options: z.strictObject({
    insecure: z.boolean().optional(),
    ...lineOptions,
    authorityHost: z.string().optional(),
    connections: z.int().min(1).max(1024).optional(),
    blockBytes: z.int().min(1).optional(),
    singleRequestBytes: z.int().min(0).optional(),
  }),
});

/**
 * Checks a definition of type `azure`. Fails with `invalid`, naming every setting that is missing, unknown or of the wrong form. Plain http needs
 * `options.insecure`, and is not for tokens. Options: `insecure`, `connections`, `blockBytes`, `singleRequestBytes`, `authorityHost`, `ca`, `proxy`.
 * A use of this machine's identity that `machine` does not allow is refused.
 */
export function parseConfig(
  definition: BackendDefinition,
  machine: MachineIdentity = NO_MACHINE_IDENTITY,
): AzureConfig {
  const parsed = settings.safeParse(definition);
  if (!parsed.success) throw refuseSettings(definition.name, parsed.error.issues.map(describeIssue));
  const { name, credentials, options, region } = parsed.data;
  const account = credentials.accountName;
  const endpoint = parsed.data.endpoint ?? azureEndpoint(account);
  const { maxSinglePutBytes, maxPartBytes } = limitsOf('azure');
  const place = parseEndpoint({ name, account, endpoint, insecure: options.insecure === true });
  const problems: string[] = [];
  const identity = parseIdentity(credentials, problems);
  const line = parseLine({ options, credentials }, problems);
  const authorityHost = parseAuthority(options.authorityHost, problems);
  if (identity?.kind === 'entra')
    problems.push(...tokenObjections({ identity, endpoint: new URL(place.origin), authorityHost, line }, machine));
  if (identity === undefined || problems.length > 0) throw refuseSettings(name, problems);
  return {
    name,
    account,
    identity,
    authorityHost,
    line,
    ...place,
    region,
    connections: options.connections ?? 64,
    blockBytes: Math.min(options.blockBytes ?? 8 * MIB, maxPartBytes),
    singleRequestBytes: Math.min(options.singleRequestBytes ?? Infinity, maxSinglePutBytes),
  };
}

function parseAuthority(given: string | undefined, problems: string[]): URL | undefined {
  if (given === undefined) return undefined;
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url?.protocol === 'https:' && url.pathname === '/' && !url.username && !url.search && !url.hash) return url;
  problems.push('options.authorityHost: expected https://HOST or https://HOST:PORT, without path, query or user');
  return undefined;
}

/** A token opens every account that its bearer may open: it goes to hosts that are vouched for, and never in the clear. */
function tokenObjections(
  use: { identity: EntraIdentity; endpoint: URL; authorityHost: URL | undefined; line: Line },
  machine: MachineIdentity,
): string[] {
  const { identity, endpoint, authorityHost, line } = use;
  const path = identity.tokenFile;
  const clear = endpoint.protocol === 'https:' ? [] : ['endpoint: expected https; a token is never sent in the clear'];
  const objections = objectionsTo(
    {
      vendor: 'azure',
      ambient: path === undefined ? 'credentials.source' : undefined,
      tokenFile: path === undefined ? undefined : { setting: 'credentials.tokenFile', path },
      origins: [
        { setting: 'endpoint', url: endpoint },
        ...(authorityHost === undefined ? [] : [{ setting: 'options.authorityHost', url: authorityHost }]),
      ],
      ownCa: line.ca !== undefined,
    },
    machine,
  );
  return [...clear, ...objections];
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
    throw refuseSettings(name, [
      'endpoint: expected https://HOST or https://HOST:PORT, with no path but the account name, without query or user',
    ]);
  if (url.protocol === 'http:' && !insecure)
    throw refuseSettings(name, ['endpoint: plain http sends data unencrypted; use https, or set options.insecure']);
  return { origin: url.origin, basePath: path };
}
