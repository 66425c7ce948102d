import { describe, expect, it } from '@jest/globals';
import { openBackend } from '../src/index.js';
import type { BackendDefinition, ObjectBackend } from '../src/index.js';
import { parseConfig } from '../src/azure/config.js';
import { failure } from './conformance/stage.js';

const secretText = Buffer.from('a secret that no message may show').toString('base64');
const accountKey = { reveal: () => secretText };
const GOOD: BackendDefinition = {
  name: 'my-azure',
  type: 'azure',
  credentials: { accountName: 'myaccount', accountKey },
  options: {},
};

async function refusal(changes: object): Promise<string> {
  const attempt: Promise<ObjectBackend> = openBackend({ ...GOOD, ...changes });
  return (await failure(attempt, 'invalid')).message;
}

describe('the settings of an Azure backend', () => {
  it('lead to the public endpoint of the account where none is named', () => {
    expect(parseConfig(GOOD)).toMatchObject({ origin: 'https://myaccount.blob.core.windows.net', basePath: '' });
  });

  it('may name an endpoint with the account in its path, as emulators have', () => {
    const config = parseConfig({ ...GOOD, endpoint: 'http://127.0.0.1:10000/myaccount/', options: { insecure: true } });
    expect(config).toMatchObject({ origin: 'http://127.0.0.1:10000', basePath: '/myaccount' });
  });

  it.each<[string, object, RegExp]>([
    ['a missing account', { credentials: { accountKey } }, /credentials\.accountName: missing/],
    ['a missing key', { credentials: { accountName: 'myaccount' } }, /credentials\.accountKey: missing/],
    [
      'a bad account',
      { credentials: { accountName: 'My-Account', accountKey } },
      /credentials\.accountName: expected 3/,
    ],
    [
      'a key that is not base64',
      { credentials: { accountName: 'myaccount', accountKey: { reveal: () => 'not base64!' } } },
      /credentials\.accountKey: expected base64/,
    ],
    [
      "another vendor's credentials",
      { credentials: { ...GOOD.credentials, accessKey: 'x' } },
      /credentials\.accessKey: unknown/,
    ],
    ['an unknown option', { options: { pathStyle: true } }, /options\.pathStyle: unknown/],
    ['an option of the wrong form', { options: { connections: 'many' } }, /options\.connections: /],
    ['an unknown setting', { profile: 'minio' }, /profile: unknown/],
    ['plain http', { endpoint: 'http://127.0.0.1/myaccount' }, /plain http .*options\.insecure/],
    ['another account in the path', { endpoint: 'https://host/other' }, /endpoint: expected/],
    ['a query', { endpoint: 'https://host/?sig=x' }, /endpoint: expected/],
    ['no URL', { endpoint: 'host' }, /endpoint: expected/],
  ])('are refused, and named, for %s', async (_, changes, message) => {
    expect(await refusal(changes)).toMatch(message);
  });

  it('are all named at once, and no secret with them', async () => {
    const message = await refusal({ credentials: { accountKey, oops: 1 }, options: { insecure: 'yes' } });
    expect(message).toMatch(/accountName/);
    expect(message).toMatch(/oops: unknown/);
    expect(message).toMatch(/options\.insecure/);
    expect(message).not.toContain(secretText);
  });
});
