import { describe, expect, it } from '@jest/globals';
import { generateKeyPairSync } from 'node:crypto';
import { openBackend } from '../src/index.js';
import type { BackendDefinition } from '../src/index.js';
import { openGcs } from '../src/gcs/index.js';
import { failure } from './conformance/stage.js';

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const account = {
  type: 'service_account',
  project_id: 'from-the-account',
  private_key: pem,
  client_email: 'spumoni@from-the-account.iam.gserviceaccount.com',
  token_uri: 'https://oauth2.googleapis.com/token',
};
const secret = (document: unknown) => ({
  reveal: () => (typeof document === 'string' ? document : JSON.stringify(document)),
});

type Changes = Partial<Record<keyof BackendDefinition, unknown>>;
/** A definition as it may come from outside: of any form. */
const definition = (changes: Changes): BackendDefinition =>
  ({
    name: 'g',
    type: 'gcs',
    credentials: { serviceAccount: secret(account) },
    options: {},
    ...changes,
  }) as BackendDefinition;

describe('the settings of a GCS backend', () => {
  const refused: [title: string, changes: Changes, says: RegExp][] = [
    ['no credentials at Google', { credentials: {}, options: { projectId: 'p' } }, /serviceAccount: missing/],
    ['plain http', { endpoint: 'http://127.0.0.1:1' }, /plain http.*options\.insecure/],
    ['an endpoint with a path', { endpoint: 'https://host/storage' }, /endpoint: expected https/],
    ['an endpoint that is no URL', { endpoint: 'storage' }, /endpoint: expected https/],
    ['an unknown option', { options: { bucket: 'b' } }, /options\.bucket: unknown/],
    ['an option of the wrong form', { options: { insecure: 'yes' } }, /options\.insecure:/],
    [
      'a chunk size that GCS refuses',
      { options: { chunkBytes: 300_000 } },
      /chunkBytes: expected a multiple of 262144/,
    ],
    ['a profile', { profile: 'minio' }, /profile: unknown/],
    ['another vendor’s credentials', { credentials: { accessKey: 'a' } }, /credentials\.accessKey: unknown/],
    ['a bad project', { options: { projectId: 'My Project' } }, /projectId: expected a project id/],
    ['no project anywhere', { endpoint: 'https://emulator', credentials: {} }, /options\.projectId: missing/],
    [
      'a document that is not JSON',
      { credentials: { serviceAccount: secret(`{"private_key": "${pem}`) } },
      /serviceAccount/,
    ],
    [
      'a document without a mail address',
      { credentials: { serviceAccount: secret({ ...account, client_email: undefined }) } },
      /serviceAccount\.client_email: missing/,
    ],
    [
      'a user’s credentials',
      { credentials: { serviceAccount: secret({ ...account, type: 'authorized_user' }) } },
      /serviceAccount\.type: expected 'service_account'/,
    ],
    [
      'a key that is none',
      { credentials: { serviceAccount: secret({ ...account, private_key: pem.slice(0, 400) }) } },
      /serviceAccount\.private_key: expected an RSA private key/,
    ],
    [
      'a token endpoint over plain http',
      { credentials: { serviceAccount: secret({ ...account, token_uri: 'http://oauth2/token' }) } },
      /token_uri: plain http/,
    ],
  ];
  it.each(refused)('%s is refused, by its name and without a secret', async (_, changes, says) => {
    const refusal = await failure(openBackend(definition(changes)), 'invalid');
    expect(refusal.message).toMatch(says);
    const shown = JSON.stringify([refusal.message, String(refusal.cause), refusal.stack]);
    expect(shown).not.toContain(pem.slice(60, 100));
  });

  it('tells of all that is wrong at once', async () => {
    const wrong = definition({ endpoint: 'http://h', credentials: { serviceAccount: secret({}) }, options: {} });
    const { message } = await failure(openBackend(wrong), 'invalid');
    expect(message).toMatch(/endpoint.*client_email.*private_key.*projectId/);
  });

  it('takes the project from the account, and needs no credentials with an endpoint of one’s own', async () => {
    await openGcs(definition({})).close();
    const emulator = definition({
      endpoint: 'http://127.0.0.1:1',
      credentials: {},
      options: { insecure: true, projectId: 'p' },
    });
    await openGcs(emulator).close();
  });
});
