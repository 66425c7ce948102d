import { z } from 'zod';
import type { Revealable } from '../definition.js';
import type { Grant } from '../identity/index.js';
import { lineCredentials } from '../wire/index.js';

/** Keys that sign, for ever or for a while. */
export interface AwsKeys extends Grant {
  readonly accessKey: string;
  readonly secretKey: Revealable;
  readonly sessionToken?: Revealable | undefined;
}

/** A role that is assumed with what the source gave. */
export interface AwsRole {
  readonly arn: string;
  /** What the role's trust policy asks for of a third party. */
  readonly externalId: Revealable | undefined;
  /** Shown in the vendor's own log. */
  readonly sessionName: string;
}

/** Where the keys come from. */
export type AwsIdentity =
  | { readonly source: 'keys'; readonly keys: AwsKeys; readonly role: AwsRole | undefined }
  | { readonly source: 'chain'; readonly role: AwsRole | undefined }
  | { readonly source: 'web-identity'; readonly tokenFile: string; readonly role: AwsRole };

const secret = z.custom<Revealable>(
  (value) => typeof value === 'object' && value !== null && 'reveal' in value && typeof value.reveal === 'function',
  'expected a secret',
);

/** Other services give ARNs of their own form to their roles, or take any (MinIO). */
const ROLE_ARN = /^arn:[\w:+=,.@/*-]{1,2000}$/;
const SESSION_NAME = /^[\w+=,.@-]{2,64}$/;

/** The credentials of type `aws` and `s3`, in form. */
export const awsCredentials = z.strictObject({
  source: z.enum(['keys', 'chain', 'web-identity'], 'expected keys, chain or web-identity').optional(),
  accessKey: z.string().min(1, 'missing').optional(),
  secretKey: secret.optional(),
  sessionToken: secret.optional(),
  roleArn: z.string().regex(ROLE_ARN, 'expected the ARN of a role').optional(),
  externalId: secret.optional(),
  sessionName: z.string().regex(SESSION_NAME, 'expected 2 to 64 letters, digits or any of +=,.@-_').optional(),
  tokenFile: z.string().min(1, 'missing').optional(),
  ...lineCredentials,
});

type Given = z.output<typeof awsCredentials>;

/** The identity that the credentials describe. What is missing, or has no meaning together, goes into `problems`. */
export function parseIdentity(
  { name, credentials }: { readonly name: string; readonly credentials: Given },
  problems: string[],
): AwsIdentity | undefined {
  const { source = 'keys', accessKey, secretKey, sessionToken, tokenFile } = credentials;
  const before = problems.length;
  const role = roleOf(name, credentials, problems);
  if (source !== 'keys') unwanted(source, { accessKey, secretKey, sessionToken }, problems);
  if (source !== 'web-identity') unwanted(source, { tokenFile }, problems);
  if (source === 'chain') return problems.length > before ? undefined : { source, role };
  if (source === 'web-identity') {
    if (tokenFile === undefined) problems.push('credentials.tokenFile: missing');
    if (role === undefined) problems.push('credentials.roleArn: missing');
    if (role?.externalId !== undefined) problems.push('credentials.externalId: has no meaning for web-identity');
    return tokenFile === undefined || role === undefined ? undefined : { source, tokenFile, role };
  }
  if (accessKey === undefined) problems.push('credentials.accessKey: missing');
  if (secretKey === undefined) problems.push('credentials.secretKey: missing');
  if (accessKey === undefined || secretKey === undefined) return undefined;
  return { source, keys: { accessKey, secretKey, sessionToken }, role };
}

function roleOf(name: string, given: Given, problems: string[]): AwsRole | undefined {
  const { roleArn: arn, externalId, sessionName } = given;
  if (arn !== undefined) return { arn, externalId, sessionName: sessionName ?? `spumoni-${name}`.slice(0, 64) };
  if (externalId !== undefined || sessionName !== undefined)
    problems.push('credentials.roleArn: missing; externalId and sessionName belong to a role');
  return undefined;
}

function unwanted(source: string, given: Readonly<Record<string, unknown>>, problems: string[]): void {
  for (const [field, value] of Object.entries(given))
    if (value !== undefined) problems.push(`credentials.${field}: has no meaning for the source ${source}`);
}
