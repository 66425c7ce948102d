import { z } from 'zod';
import type { BackendCredentials } from '#libs/backends';
import type { BackendRecord } from '#libs/metadata';
import type { BackendType } from '#libs/naming';
import { openEnvelope, sealEnvelope, Secret, hiddenText, type MasterKeys } from '#libs/secrets';
import type { InputViolation } from '../errors.js';

const text = z.string({ error: 'expected a text' }).min(1, 'expected a text that is not empty');

/** A service account is given as the JSON document that Google issues, or as its text. */
const serviceAccount = z
  .union([text, z.record(z.string(), z.unknown())], { error: 'expected the JSON document of a service account' })
  .transform((document) => (typeof document === 'string' ? document : JSON.stringify(document)));

/** The same for a workload identity federation. */
const externalAccount = z
  .union([text, z.record(z.string(), z.unknown())], { error: 'expected the JSON document of an external account' })
  .transform((document) => (typeof document === 'string' ? document : JSON.stringify(document)));

const proxy = { proxyUser: text, proxyPassword: text };
const keys = { source: text, accessKey: text, secretKey: text, sessionToken: text };
const role = { roleArn: text, externalId: text, sessionName: text, tokenFile: text };
/** As the portal shows it, or without the mark of a query: kept so, that it is found wherever it might be told. */
const sasToken = text.transform((token) => token.replace(/^\?/, ''));
const account = { accountName: text, accountKey: text, sasToken };
const entra = { source: text, tenantId: text, clientId: text, tokenFile: text };

/** Fields by type. Whether a vendor can do without, and which go together, is the adapter's to say. */
const SHAPES = {
  aws: z.strictObject({ ...keys, ...role, ...proxy }).partial(),
  s3: z.strictObject({ ...keys, ...role, ...proxy }).partial(),
  azure: z.strictObject({ ...account, ...entra, ...proxy }).partial(),
  gcs: z.strictObject({ source: text, serviceAccount, externalAccount, ...proxy }).partial(),
  filesystem: z.strictObject({}),
} satisfies Record<BackendType, z.ZodType>;

const stored = z.record(z.string(), z.string());

/** Names that are no secrets: they may be shown by an adapter's message, and are kept readable in memory. */
const OPEN_FIELDS = new Set([
  'source',
  'accessKey',
  'accountName',
  'roleArn',
  'sessionName',
  'tokenFile',
  'tenantId',
  'clientId',
  'proxyUser',
]);

/** Credentials as clear text by field: held only while a definition is being read, sealed or opened. */
export type ClearCredentials = Readonly<Record<string, string>>;

/** Reads what a client sent, by the type's shape. Violations name the field and never quote a value. */
export function readCredentials(
  type: BackendType,
  given: unknown,
): { readonly clear: ClearCredentials } | { readonly violations: readonly InputViolation[] } {
  const parsed = SHAPES[type].safeParse(given ?? {});
  if (parsed.success) return { clear: stored.parse(parsed.data) };
  const known = Object.keys(SHAPES[type].shape).join(', ') || 'none';
  const violations = parsed.error.issues.flatMap((issue) => {
    const path = ['credentials', ...issue.path].join('.');
    if (issue.code !== 'unrecognized_keys') return [{ path, message: issue.message }];
    return issue.keys.map((key) => ({
      path: `credentials.${key}`,
      message: `unknown field; a backend of type ${type} has these: ${known}`,
    }));
  });
  return { violations };
}

/** As the backends port takes them: secrets wrapped. */
export function portCredentials(clear: ClearCredentials): BackendCredentials {
  return Object.fromEntries(
    Object.entries(clear).map(([field, value]) => [field, OPEN_FIELDS.has(field) ? value : new Secret(value)]),
  );
}

/** Bound to the backend's name and type, both of which are the row's for life: copied into another row, they do not open. */
function boundTo({ name, type }: Pick<BackendRecord, 'name' | 'type'>): readonly string[] {
  return ['backend-credentials', type, name];
}

/** Seals all fields as one secret of that backend. */
export function sealCredentials(
  masterKey: MasterKeys,
  backend: Pick<BackendRecord, 'name' | 'type'>,
  clear: ClearCredentials,
): string {
  return sealEnvelope(masterKey, new Secret(JSON.stringify(clear)), boundTo(backend));
}

/** The credentials of a registered backend. Throws `EnvelopeError` if they were altered, or sealed under another master key. */
export function openCredentials(
  masterKey: MasterKeys,
  backend: Pick<BackendRecord, 'name' | 'type' | 'credentials'>,
): ClearCredentials {
  return stored.parse(JSON.parse(openEnvelope(masterKey, backend.credentials, boundTo(backend)).reveal()));
}

/** Below this many characters a credential may well be part of an ordinary word. */
const TELLING_LENGTH = 8;

/**
 * A vendor's words with every credential taken out, whatever the vendor or its client put into them. A short one is taken out only where it stands for itself, with neither letter nor digit beside it: `a` in the midst of a word tells nobody anything, and without its words
 * nobody could read the message. Of two that begin alike the longer goes.
 */
export function withoutCredentials(message: string, clear: ClearCredentials): string {
  const secrets = Object.entries(clear)
    .flatMap(([field, value]) => (OPEN_FIELDS.has(field) || value === '' ? [] : [value]))
    .sort((one, other) => other.length - one.length);
  if (secrets.length === 0) return message;
  // In one pass: what was put in place of one secret is not searched for the next.
  return message.replaceAll(new RegExp(secrets.map(patternOf).join('|'), 'gu'), hiddenText);
}

function patternOf(secret: string): string {
  const literal = secret.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
  return secret.length < TELLING_LENGTH ? `(?<![\\p{L}\\p{N}])${literal}(?![\\p{L}\\p{N}])` : literal;
}
