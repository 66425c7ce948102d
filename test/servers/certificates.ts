import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A certificate authority of one test, and a server's certificate by it, in files named as MinIO wants them. */
export interface TestAuthority {
  /** The authority's certificate in PEM. */
  readonly ca: string;
  readonly directory: string;
  readonly certificateFile: string;
  readonly keyFile: string;
  remove(): Promise<void>;
}

const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** Makes one by openssl, which every machine with git has. The server's certificate holds for 127.0.0.1, localhost and the names given; both for two days. */
export async function makeAuthority(names: readonly string[] = []): Promise<TestAuthority> {
  const directory = await mkdtemp(join(tmpdir(), 'spumoni-authority-'));
  const at = (name: string): string => join(directory, name);
  const openssl = (...args: string[]) => run('openssl', args, { cwd: directory, timeout: 30_000 });
  const hosts = ['IP:127.0.0.1', 'DNS:localhost', ...names.map((name) => `DNS:${name}`)].join(',');
  await writeFile(at('extensions'), `subjectAltName=${hosts}\nextendedKeyUsage=serverAuth\n`);
  await openssl(
    ...['req', '-x509', ...CURVE, '-days', '2', '-subj', '/CN=Authority of a Spumoni test'],
    ...['-keyout', at('authority.key'), '-out', at('authority.crt')],
  );
  await openssl(
    ...['req', '-new', ...CURVE, '-subj', '/CN=Server of a Spumoni test'],
    ...['-keyout', at('private.key'), '-out', at('server.csr')],
  );
  await openssl(
    ...['x509', '-req', '-in', at('server.csr'), '-days', '2', '-extfile', at('extensions')],
    ...['-CA', at('authority.crt'), '-CAkey', at('authority.key'), '-CAcreateserial', '-out', at('public.crt')],
  );
  return {
    ca: await readFile(at('authority.crt'), 'utf8'),
    directory,
    certificateFile: at('public.crt'),
    keyFile: at('private.key'),
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}
