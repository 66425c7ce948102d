import { z } from 'zod';
import type { Revealable } from '../definition.js';
import { lineCredentials } from '../wire/index.js';

/** Who asks Microsoft Entra ID for tokens. */
export interface EntraIdentity {
  readonly kind: 'entra';
  readonly source: 'chain' | 'managed-identity' | 'workload-identity';
  readonly clientId: string | undefined;
  readonly tenantId: string | undefined;
  readonly tokenFile: string | undefined;
}

/** What opens the account. */
export type AzureIdentity =
  { readonly kind: 'key'; readonly key: Revealable } | { readonly kind: 'sas'; readonly sas: string } | EntraIdentity;

const BASE64 = /^(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$|^[A-Za-z0-9+/]{2,3}={1,2}$/;
const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const secret = z.custom<Revealable>(
  (value) => typeof value === 'object' && value !== null && 'reveal' in value && typeof value.reveal === 'function',
  'missing; expected a secret',
);

/** The credentials of type `azure`, in form. */
export const azureCredentials = z.strictObject({
  source: z
    .enum(
      ['keys', 'chain', 'managed-identity', 'workload-identity'],
      'expected keys, chain, managed-identity or workload-identity',
    )
    .optional(),
  accountName: z.string('missing').regex(/^[a-z0-9]{3,24}$/, 'expected 3 to 24 lowercase letters and digits'),
  accountKey: secret.refine((key) => BASE64.test(key.reveal()), 'expected base64, as the portal shows it').optional(),
  sasToken: secret.optional(),
  tenantId: z.string().regex(GUID, 'expected a GUID').optional(),
  clientId: z.string().regex(GUID, 'expected a GUID').optional(),
  tokenFile: z.string().min(1, 'missing').optional(),
  ...lineCredentials,
});

type Given = z.output<typeof azureCredentials>;

/** What the credentials describe. What is missing, or has no meaning together, goes into `problems`; nothing secret does. */
export function parseIdentity(given: Given, problems: string[]): AzureIdentity | undefined {
  const { source = 'keys', accountKey: key, sasToken, tenantId, clientId, tokenFile } = given;
  const before = problems.length;
  if (source !== 'keys') {
    unwanted(source, { accountKey: key, sasToken }, problems);
    if (source !== 'workload-identity') unwanted(source, { tokenFile }, problems);
    if (source === 'managed-identity') unwanted(source, { tenantId }, problems);
    if (tokenFile !== undefined && (tenantId === undefined || clientId === undefined))
      problems.push('credentials.tenantId, credentials.clientId: missing; a tokenFile goes with them');
    return problems.length > before ? undefined : { kind: 'entra', source, clientId, tenantId, tokenFile };
  }
  unwanted('keys', { tenantId, clientId, tokenFile }, problems);
  if (key !== undefined && sasToken !== undefined)
    problems.push('credentials.sasToken: there is an accountKey already');
  else if (sasToken !== undefined) return parseSas(sasToken.reveal(), problems);
  if (key !== undefined) return { kind: 'key', key };
  problems.push('credentials.accountKey: missing; expected a secret');
  return undefined;
}

/**
 * An account SAS as it goes into a query. One of a container (`sr=c`) opens that one alone: it neither makes nor lists containers, nor shows the
 * properties of its own, so Spumoni can do nothing with it. Spec: learn.microsoft.com/rest/api/storageservices/create-account-sas.
 */
function parseSas(given: string, problems: string[]): AzureIdentity | undefined {
  const AT = 'credentials.sasToken';
  const sas = given.replace(/^\?/, '');
  const fields = new URLSearchParams(sas);
  const before = problems.length;
  if (!/^[\w%.~*=&+:/-]+$/.test(sas) || !fields.has('sig') || !fields.has('sv'))
    problems.push(`${AT}: expected the token as the portal shows it (sv=…&ss=b&srt=sco&sp=…&se=…&sig=…)`);
  else if (fields.has('sr'))
    problems.push(
      `${AT}: is for a container or a blob; expected one for the account: Spumoni makes containers of its own`,
    );
  else {
    if (fields.get('ss')?.includes('b') !== true) problems.push(`${AT}: is not for the blob service (ss)`);
    const srt = fields.get('srt') ?? '';
    if (!['s', 'c', 'o'].every((kind) => srt.includes(kind)))
      problems.push(`${AT}: is not for services, containers and objects (srt=sco)`);
  }
  return problems.length > before ? undefined : { kind: 'sas', sas };
}

function unwanted(source: string, given: Readonly<Record<string, unknown>>, problems: string[]): void {
  for (const [field, value] of Object.entries(given))
    if (value !== undefined) problems.push(`credentials.${field}: has no meaning for the source ${source}`);
}
