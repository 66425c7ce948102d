import { readFileSync } from 'node:fs';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MasterKeyError } from '#libs/secrets';
import { findServer, start } from '../../../test/servers/index.js';
import { Stand } from './stand.js';

/** As the SDK's own chain finds them. */
const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'any', AWS_SECRET_ACCESS_KEY: 'any' };

describe('a deployment whose master keys AWS KMS wraps, on moto', () => {
  if (!findServer('moto')) {
    it.skip('needs moto [skipped: moto is not installed]', () => undefined);
    return;
  }
  const stand = new Stand();
  let server: Awaited<ReturnType<typeof start<'moto'>>>;
  let kms: Record<string, string>;
  beforeAll(async () => {
    Object.assign(process.env, CREDENTIALS);
    await stand.start();
    server = await start('moto');
    const admin = new KMSClient({ region: 'eu-central-1', endpoint: server.endpoint });
    const { KeyMetadata } = await admin.send(new CreateKeyCommand({}));
    admin.destroy();
    kms = {
      SPUMONI_KMS_KEY: KeyMetadata?.KeyId ?? '',
      SPUMONI_KMS_REGION: 'eu-central-1',
      SPUMONI_KMS_ENDPOINT: server.endpoint,
    };
  }, 120_000);
  afterAll(async () => {
    await stand.dispose();
    await server.stop();
    for (const name of Object.keys(CREDENTIALS)) Reflect.deleteProperty(process.env, name);
  });

  it('keeps nothing secret in its file, asks once a start, and does not start while KMS is away', async () => {
    const settings = await stand.settings({
      ...kms,
      SPUMONI_ROOT_ACCESS_KEY: 'root-key',
      SPUMONI_ROOT_SECRET_KEY: 'some-secret',
    });
    const first = await stand.open(settings);
    const { current } = await first.encryption.view();
    await first.close();
    expect(readFileSync(settings.masterKeyFile, 'utf8').trim()).toMatch(/^[A-Za-z0-9+/=]{100,}$/);
    const again = await stand.open(settings);
    expect((await again.encryption.view()).current).toBe(current);
    await server.stop();
    // Whoever runs goes on without KMS.
    expect(await again.authenticate('root-key', 'some-secret')).toMatchObject({ role: 'admin' });
    await again.close();
    const refused: unknown = await stand.open(settings).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(MasterKeyError);
    expect(String(refused)).toContain(`AWS KMS key ${settings.kms?.keyId ?? ''} would not unwrap a key`);
  }, 60_000);
});
