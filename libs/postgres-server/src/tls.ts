import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';

/** How a connection is encrypted, in the words of the `pg` driver. */
export interface PostgresTls {
  /** Whether the server must show a certificate of an authority that is trusted. */
  readonly rejectUnauthorized: boolean;
  /** The authorities that are trusted, in PEM; absent: those of Node. */
  readonly ca?: string;
  /** What is wrong with a trusted certificate, if something is. */
  readonly checkServerIdentity?: (host: string, certificate: PeerCertificate) => Error | undefined;
}

/** The modes of libpq (https://www.postgresql.org/docs/current/libpq-ssl.html) that never fall back to the clear by themselves, and the one that asks for it. */
const MODES = ['disable', 'require', 'verify-ca', 'verify-full'] as const;

/**
 * Reads `sslmode` and `sslrootcert` as libpq does: `require` encrypts and, given a root certificate, checks as `verify-ca` does: the server's certificate must be of an authority in that file, or of one of Node's where none is named (or `system`).
 * `verify-full` also wants the certificate to be the host's. Undefined: the connection is in the clear. Throws where the modes or the file cannot be used; `allow` and `prefer` are refused, since they may send a password in the clear.
 */
export function tlsOf(parameters: URLSearchParams, host: string): PostgresTls | undefined {
  const file = parameters.get('sslrootcert');
  const asked = parameters.get('sslmode') ?? (file === null ? 'disable' : 'verify-full');
  const mode = MODES.find((known) => known === asked);
  if (mode === undefined)
    throw new Error(`the Postgres URL has an sslmode that is not offered: expected ${MODES.join(', ')}`);
  if (mode === 'disable') return undefined;
  if (host.startsWith('/')) throw new Error('the Postgres URL asks for TLS on a socket: sslmode is for a host');
  if (mode === 'require' && file === null) return { rejectUnauthorized: false };
  const ca = file === null || file === 'system' ? {} : { ca: authorityIn(file) };
  const identity =
    mode === 'verify-full'
      ? // Of the host that was named: the driver gives no name for an address.
        (_name: string, certificate: PeerCertificate) => checkServerIdentity(host, certificate)
      : () => undefined;
  return { rejectUnauthorized: true, ...ca, checkServerIdentity: identity };
}

function authorityIn(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const code = typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : 'unknown';
    throw new Error(`the file that sslrootcert of the Postgres URL names cannot be read (${code})`, { cause });
  }
  try {
    new X509Certificate(text);
  } catch (cause) {
    throw new Error('the file that sslrootcert of the Postgres URL names holds no certificate in PEM', { cause });
  }
  return text;
}
