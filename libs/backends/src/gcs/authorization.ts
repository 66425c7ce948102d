import { sign } from 'node:crypto';
import { z } from 'zod';
import { BackendError } from '../errors.js';
import type { Call } from '../object-backend.js';
import { createWire } from '../wire/index.js';
import type { Wire } from '../wire/index.js';
import { unlessAborted } from '../wire/unless-aborted.js';
import type { GcsConfig } from './config.js';
import { parseJson } from './errors.js';
import type { ServiceAccount } from './service-account.js';

/** Reading, writing and deleting objects and containers, nothing about other users' rights. */
const SCOPE = 'https://www.googleapis.com/auth/devstorage.full_control';
/** Google's longest. */
const ASSERTION_SECONDS = 3600;
/** A token is renewed this long before it ends, so that none ends on its way. */
const MARGIN_MS = 5 * 60_000;
const EXCHANGE_MS = 30_000;
const ANSWER_BYTES = 64 * 1024;

const granted = z.object({ access_token: z.string().min(1), expires_in: z.number().positive() });
const refused = z.object({ error: z.string(), error_description: z.string().optional() });

interface AccessToken {
  readonly header: string;
  readonly renewAt: number;
}

/**
 * Access tokens of a service account: a signed assertion is exchanged for one at its `token_uri` (RFC 7523 section 2.1, RS256). One exchange at a
 * time whatever the number of callers; a caller that gives up does not end it for the others. Fails with `denied` when the account is refused.
 */
export class AccessTokens {
  readonly #config: GcsConfig;
  readonly #now: () => number;
  #wire: Wire | undefined;
  #current: AccessToken | undefined;
  #exchange: Promise<AccessToken> | undefined;

  constructor(config: GcsConfig, now: () => number = Date.now) {
    this.#config = config;
    this.#now = now;
  }

  /** The value of the `authorization` header; undefined for a backend without credentials. */
  async header(call: Call): Promise<string | undefined> {
    const account = this.#config.serviceAccount;
    if (!account) return undefined;
    if (this.#current && this.#now() < this.#current.renewAt) return this.#current.header;
    this.#exchange ??= this.#renew(account).finally(() => (this.#exchange = undefined));
    return (await unlessAborted(this.#exchange, call, this.#config.name)).header;
  }

  /** GCS refused this header: the next call fetches another token. */
  forget(header: string): void {
    if (this.#current?.header === header) this.#current = undefined;
  }

  async close(): Promise<void> {
    await this.#wire?.close();
  }

  async #renew(account: ServiceAccount): Promise<AccessToken> {
    const { tokenUri } = account;
    const backend = this.#config.name;
    this.#wire ??= createWire({ backend, origin: tokenUri.origin, connections: 1, line: this.#config.line });
    const asked = this.#now();
    const answer = await this.#wire.send(
      {
        method: 'POST',
        path: tokenUri.pathname + tokenUri.search,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: Buffer.from(grantRequest(account, asked)),
      },
      { requestId: 'access-token', deadlineMs: EXCHANGE_MS },
    );
    const document = parseJson(Buffer.from(await answer.body.collect(ANSWER_BYTES)).toString());
    const parsed = granted.safeParse(document);
    if (answer.status !== 200 || !parsed.success) throw this.#refusal(account, answer.status, document);
    const lifetime = parsed.data.expires_in * 1000;
    // Of a short-lived token at least half the life is used.
    const renewAt = asked + lifetime - Math.min(MARGIN_MS, lifetime / 2);
    this.#current = { header: `Bearer ${parsed.data.access_token}`, renewAt };
    return this.#current;
  }

  #refusal(account: ServiceAccount, status: number, document: unknown): BackendError {
    const { name: backend } = this.#config;
    const { data } = refused.safeParse(document);
    const said = data ? [data.error, data.error_description].filter(Boolean).join(': ') : `status ${status}`;
    const message = `backend ${backend} got no access token for ${account.clientEmail} from ${account.tokenUri.host}: ${said}`;
    const kind = status === 429 ? 'throttled' : data && status >= 400 && status < 500 ? 'denied' : 'unavailable';
    return new BackendError(kind, message, { backend, ...(data ? { vendorCode: data.error } : {}) });
  }
}

function grantRequest(account: ServiceAccount, now: number): string {
  const issuedAt = Math.floor(now / 1000);
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const header = { alg: 'RS256', typ: 'JWT', ...(account.privateKeyId ? { kid: account.privateKeyId } : {}) };
  const claims = {
    iss: account.clientEmail,
    scope: SCOPE,
    aud: account.tokenUri.href,
    iat: issuedAt,
    exp: issuedAt + ASSERTION_SECONDS,
  };
  const signed = `${part(header)}.${part(claims)}`;
  const signature = sign('RSA-SHA256', Buffer.from(signed), account.privateKey).toString('base64url');
  return new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion: `${signed}.${signature}`,
  }).toString();
}
