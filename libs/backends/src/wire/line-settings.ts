import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import type { Revealable } from '../definition.js';
import { isLinkLocal } from './link-local.js';
import type { Line, Proxy } from './line.js';

const secret = z.custom<Revealable>(
  (value) => typeof value === 'object' && value !== null && 'reveal' in value && typeof value.reveal === 'function',
  'expected a secret',
);

/** The options of every type that is reached over a network: `ca` and `proxy`. */
export const lineOptions = { ca: z.string().optional(), proxy: z.string().optional() };
/** Their credentials. */
export const lineCredentials = {
  proxyUser: z.string().min(1, 'expected a name').optional(),
  proxyPassword: secret.optional(),
};

export interface LineSettings {
  readonly options: { readonly ca?: string | undefined; readonly proxy?: string | undefined };
  readonly credentials: { readonly proxyUser?: string | undefined; readonly proxyPassword?: Revealable | undefined };
}

const MOST_PEM = 256 * 1024;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Reads how a backend is reached. What is wrong goes into `problems`, never with a part of what was given. */
export function parseLine({ options, credentials }: LineSettings, problems: string[]): Line {
  const proxy = parseProxy(options.proxy, credentials, problems);
  if (options.ca !== undefined) {
    const objection = objectionToCa(options.ca);
    if (objection !== undefined) problems.push(`options.ca: ${objection}`);
  }
  return { ...(options.ca === undefined ? {} : { ca: options.ca }), ...(proxy === undefined ? {} : { proxy }) };
}

/** Options are shown: a private key that came along would be, too. */
function objectionToCa(pem: string): string | undefined {
  if (pem.length > MOST_PEM) return `expected at most ${MOST_PEM} characters`;
  if (pem.includes('PRIVATE KEY-----')) return 'holds a private key; expected certificates alone';
  const certificates = pem.match(CERTIFICATE) ?? [];
  const expected = 'expected certificates in PEM (-----BEGIN CERTIFICATE-----)';
  if (certificates.length === 0) return expected;
  try {
    for (const one of certificates) new X509Certificate(one);
    return undefined;
  } catch {
    // OpenSSL's words ("asn1 encoding routines") help nobody.
    return expected;
  }
}

function parseProxy(
  given: string | undefined,
  credentials: LineSettings['credentials'],
  problems: string[],
): Proxy | undefined {
  const { proxyUser: user, proxyPassword: password } = credentials;
  // Credentials that wait for a proxy, or outlive it, are no mistake: the two are changed one after the other.
  if (given === undefined) return undefined;
  const url = URL.canParse(given) ? new URL(given) : undefined;
  const bare = url?.pathname === '/' && !url.search && !url.hash;
  if (!url || !bare || !['http:', 'https:'].includes(url.protocol)) {
    problems.push('options.proxy: expected http://HOST:PORT or https://HOST:PORT, without path or query');
    return undefined;
  }
  if (url.username || url.password)
    problems.push('options.proxy: holds a user; give credentials.proxyUser and proxyPassword');
  if (isLinkLocal(url.hostname)) problems.push('options.proxy: is the address of a metadata service');
  if (password !== undefined && user === undefined) problems.push('credentials.proxyUser: missing');
  return { url, ...(user === undefined ? {} : { user }), ...(password === undefined ? {} : { password }) };
}
