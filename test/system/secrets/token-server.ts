import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

/** A made-up service account whose tokens come from a server of the test, and the secrets that go with it. */
export interface MadeUpAccount {
  /** The JSON document, as Google issues it. */
  readonly document: string;
  /** A line of the private key, which no encoding of line breaks changes. */
  readonly keyLine: string;
  readonly accessToken: string;
  close(): void;
}

export async function startTokenServer(): Promise<MadeUpAccount> {
  const accessToken = `ya29.${randomBytes(30).toString('base64url')}`;
  const server = createServer((request, response) => {
    request.resume().once('end', () => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ access_token: accessToken, expires_in: 3600, token_type: 'Bearer' }));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const document = JSON.stringify({
    type: 'service_account',
    project_id: 'spumoni-test',
    private_key_id: 'made-up',
    private_key: pem,
    client_email: 'spumoni@spumoni-test.iam.gserviceaccount.com',
    token_uri: `http://127.0.0.1:${address.port}/token`,
  });
  return { document, keyLine: pem.split('\n')[5] ?? '', accessToken, close: () => server.close() };
}
