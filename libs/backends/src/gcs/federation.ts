import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Revealable } from '../definition.js';
import { BackendError } from '../errors.js';
import { parseJson } from './errors.js';
import { SCOPE } from './token-endpoint.js';
import type { TokenEndpoint } from './token-endpoint.js';

/** What Google's STS gives is exchanged once more for a service account's; the one of the exchange needs this scope. */
const CLOUD = 'https://www.googleapis.com/auth/cloud-platform';
const IMPERSONATED_SECONDS = 3600;
const TOKEN_BYTES = 64 * 1024;

/** What of a workload identity federation's JSON document is used. It holds no secret, but for what the headers of a source may have. */
export interface ExternalAccount {
  readonly audience: string;
  readonly subjectTokenType: string;
  readonly tokenUrl: URL;
  readonly impersonationUrl: URL | undefined;
  /** Where the token is that another identity provider issued. */
  readonly source:
    { readonly file: string } | { readonly url: URL; readonly headers: Readonly<Record<string, string>> };
  /** The field of a JSON document that the token is in; undefined: it is the whole text. */
  readonly field: string | undefined;
}

const format = z.object({ type: z.enum(['text', 'json']).optional(), subject_token_field_name: z.string().optional() });
const document = z.object({
  type: z.literal('external_account', "expected 'external_account'"),
  audience: z.string('missing').min(1, 'missing'),
  subject_token_type: z.string('missing').min(1, 'missing'),
  token_url: z.url('expected a URL').default('https://sts.googleapis.com/v1/token'),
  service_account_impersonation_url: z.url('expected a URL').optional(),
  workforce_pool_user_project: z.undefined('is for people, not for services').optional(),
  credential_source: z.object(
    {
      file: z.string().min(1, 'missing').optional(),
      url: z.url({ protocol: /^https?$/, error: 'expected a URL' }).optional(),
      headers: z.record(z.string(), z.string()).optional(),
      format: format.optional(),
      environment_id: z.undefined('AWS as a source is not supported: use a file or a url').optional(),
      executable: z.undefined('programs are not run: use a file or a url').optional(),
      certificate: z.undefined('certificates are not supported: use a file or a url').optional(),
    },
    'missing',
  ),
});

const AT = 'credentials.externalAccount';

/** Reads the JSON document of a workload identity federation. What is wrong goes into `problems`, never with a part of the document. */
export function parseExternalAccount(
  given: Revealable,
  insecure: boolean,
  problems: string[],
): ExternalAccount | undefined {
  const parsed = document.safeParse(parseJson(given.reveal()));
  if (!parsed.success) {
    problems.push(...parsed.error.issues.map(({ path, message }) => `${[AT, ...path].join('.')}: ${message}`));
    return undefined;
  }
  const { audience, subject_token_type: subjectTokenType, credential_source: from } = parsed.data;
  const tokenUrl = new URL(parsed.data.token_url);
  const impersonation = parsed.data.service_account_impersonation_url;
  const impersonationUrl = impersonation === undefined ? undefined : new URL(impersonation);
  for (const [name, url] of Object.entries({
    token_url: tokenUrl,
    service_account_impersonation_url: impersonationUrl,
  }))
    if (url !== undefined && url.protocol !== 'https:' && !(url.protocol === 'http:' && insecure))
      problems.push(`${AT}.${name}: plain http gives the access away; use https, or set options.insecure`);
  const source = sourceOf(from);
  if (source === undefined) problems.push(`${AT}.credential_source: expected either file or url`);
  const field = from.format?.type === 'json' ? from.format.subject_token_field_name : undefined;
  if (from.format?.type === 'json' && field === undefined)
    problems.push(`${AT}.credential_source.format.subject_token_field_name: missing`);
  return source && { audience, subjectTokenType, tokenUrl, impersonationUrl, source, field };
}

type Source = z.output<typeof document>['credential_source'];

function sourceOf({ file, url, headers = {} }: Source): ExternalAccount['source'] | undefined {
  if (file !== undefined) return url === undefined ? { file } : undefined;
  return url === undefined ? undefined : { url: new URL(url), headers };
}

const exchanged = z.object({ access_token: z.string().min(1), expires_in: z.number().positive() });
const impersonated = z.object({ accessToken: z.string().min(1), expireTime: z.iso.datetime({ offset: true }) });

/**
 * Exchanges another provider's token, read afresh each time, for Google's (RFC 8693; cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token),
 * and that for a service account's where the document says so. Google's own library takes no transport for it, so it would pass a proxy by.
 */
export async function federatedToken(
  account: ExternalAccount,
  endpoint: TokenEndpoint,
  now: () => number,
): Promise<{ token: string; expiresAt: number }> {
  const who = account.audience;
  const subject = await subjectToken(account, endpoint);
  const asked = now();
  const form = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    audience: who,
    scope: account.impersonationUrl === undefined ? SCOPE : CLOUD,
    subject_token: subject,
    subject_token_type: account.subjectTokenType,
  });
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const first = await endpoint.post({ url: account.tokenUrl, who, headers, body: form.toString() }, exchanged);
  if (account.impersonationUrl === undefined)
    return { token: first.access_token, expiresAt: asked + first.expires_in * 1000 };
  const second = await endpoint.post(
    {
      url: account.impersonationUrl,
      who,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${first.access_token}` },
      body: JSON.stringify({ scope: [SCOPE], lifetime: `${IMPERSONATED_SECONDS}s` }),
    },
    impersonated,
  );
  return { token: second.accessToken, expiresAt: Date.parse(second.expireTime) };
}

async function subjectToken(
  { source, field, audience: who }: ExternalAccount,
  endpoint: TokenEndpoint,
): Promise<string> {
  const text = 'file' in source ? await fromFile(source.file) : await endpoint.get({ ...source, who });
  if (field === undefined) return text.trim();
  const parsed = z.record(z.string(), z.unknown()).safeParse(parseJson(text)).data?.[field];
  if (typeof parsed === 'string' && parsed !== '') return parsed;
  throw new BackendError('denied', `the identity token of ${who} has no field ${field}`);
}

async function fromFile(path: string): Promise<string> {
  try {
    const text = await readFile(path, 'utf8');
    if (text.length <= TOKEN_BYTES) return text;
  } catch (cause) {
    throw new BackendError('denied', `the identity token ${path} cannot be read`, { cause });
  }
  throw new BackendError('denied', `the identity token ${path} is longer than ${TOKEN_BYTES} characters`);
}
