import { sign } from 'node:crypto';
import { z } from 'zod';
import { Renewed } from '../identity/index.js';
import type { Grant } from '../identity/index.js';
import type { Call } from '../object-backend.js';
import type { GcsConfig } from './config.js';
import { federatedToken } from './federation.js';
import type { ServiceAccount } from './service-account.js';
import { SCOPE, TokenEndpoint } from './token-endpoint.js';

/** Google's longest. */
const ASSERTION_SECONDS = 3600;

const granted = z.object({ access_token: z.string().min(1), expires_in: z.number().positive() });

interface AccessToken extends Grant {
  readonly header: string;
}

/**
 * Access tokens, by whatever the credentials are: a service account's signed assertion (RFC 7523 section 2.1, RS256), a federated identity, or
 * what Google's own library finds. One exchange at a time whatever the number of callers; a caller that gives up does not end it for the others.
 * Fails with `denied` when the identity is refused.
 */
export class AccessTokens {
  readonly #config: GcsConfig;
  readonly #now: () => number;
  readonly #tokens: Renewed<AccessToken> | undefined;

  constructor(config: GcsConfig, now: () => number = Date.now) {
    this.#config = config;
    this.#now = now;
    if (config.identity.kind !== 'none')
      this.#tokens = new Renewed({ backend: config.name, fetch: () => this.#fetch(), now });
  }

  /** The value of the `authorization` header; undefined for a backend without credentials. */
  async header(call: Call): Promise<string | undefined> {
    return (this.#tokens?.current() ?? (await this.#tokens?.get(call)))?.header;
  }

  /** GCS refused this header. Answers whether to try again with another. */
  refused(header: string): boolean {
    return this.#tokens?.refused((token) => token.header === header) ?? false;
  }

  async #fetch(): Promise<AccessToken> {
    const { identity, name: backend, line } = this.#config;
    if (identity.kind === 'chain') {
      const { machineToken } = await import('./machine-token.js');
      const { token, expiresAt } = await machineToken(this.#config);
      return { header: `Bearer ${token}`, expiresAt };
    }
    const endpoint = new TokenEndpoint(backend, line);
    try {
      if (identity.kind === 'external-account') {
        const { token, expiresAt } = await federatedToken(identity.account, endpoint, this.#now);
        return { header: `Bearer ${token}`, expiresAt };
      }
      return identity.kind === 'none' ? { header: '' } : await this.#assert(identity.account, endpoint);
    } finally {
      await endpoint.close();
    }
  }

  async #assert(account: ServiceAccount, endpoint: TokenEndpoint): Promise<AccessToken> {
    const asked = this.#now();
    const answer = await endpoint.post(
      {
        url: account.tokenUri,
        who: account.clientEmail,
        body: grantRequest(account, asked),
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      },
      granted,
    );
    return { header: `Bearer ${answer.access_token}`, expiresAt: asked + answer.expires_in * 1000 };
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
