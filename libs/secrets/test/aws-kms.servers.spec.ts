import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateKeyCommand, EncryptCommand, KMSClient } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makeMasterKey, MasterKeyError, openAwsKms, readMasterKeys, type KeyManagement } from '#libs/secrets';
import { findServer, start } from '../../../test/servers/index.js';

/** As the SDK's own chain finds them. */
const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'any', AWS_SECRET_ACCESS_KEY: 'any' };

describe('master keys wrapped by AWS KMS, on moto', () => {
  if (!findServer('moto')) {
    it.skip('needs moto [skipped: moto is not installed]', () => undefined);
    return;
  }
  let server: Awaited<ReturnType<typeof start<'moto'>>>;
  let admin: KMSClient;
  let keyId: string;
  const open: KeyManagement[] = [];
  const directory = mkdtempSync(join(tmpdir(), 'spumoni-kms-'));
  const region = 'eu-central-1';
  const kms = async (of = keyId, endpoint = server.endpoint): Promise<KeyManagement> => {
    const opened = await openAwsKms({ keyId: of, region, endpoint });
    open.push(opened);
    return opened;
  };
  beforeAll(async () => {
    Object.assign(process.env, CREDENTIALS);
    server = await start('moto');
    admin = new KMSClient({ region, endpoint: server.endpoint });
    keyId = (await admin.send(new CreateKeyCommand({}))).KeyMetadata?.KeyId ?? '';
  }, 120_000);
  afterAll(async () => {
    for (const one of open) one.close();
    admin.destroy();
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
    for (const name of Object.keys(CREDENTIALS)) Reflect.deleteProperty(process.env, name);
  });

  it('lie in a file that gives nothing away, and are unwrapped at each start', async () => {
    const file = { path: join(directory, 'master.key'), kms: await kms() };
    const [made] = await makeMasterKey(file);
    const text = readFileSync(file.path, 'utf8').trim();
    expect(text).toMatch(/^[A-Za-z0-9+/=]{100,}$/);
    expect(text).not.toContain(
      Buffer.from(made?.secret.revealBytes() ?? [])
        .toString('base64')
        .slice(0, 30),
    );
    expect((await readMasterKeys({ ...file, kms: await kms() })).map(({ id }) => id)).toEqual([made?.id]);
  });

  it('are not taken from what the key wrapped for something else', async () => {
    const request = { KeyId: keyId, Plaintext: Buffer.alloc(32), EncryptionContext: { purpose: 'else' } };
    const { CiphertextBlob: wrapped = new Uint8Array() } = await admin.send(new EncryptCommand(request));
    await expect((await kms()).unwrap(wrapped)).rejects.toThrow(MasterKeyError);
  });

  it('cannot be had, and it says why, without the KMS key or of bytes that were altered', async () => {
    const { wrapped } = await (await kms()).generate();
    const missing = await kms('00000000-0000-0000-0000-000000000000');
    await expect(missing.generate()).rejects.toThrow(/AWS KMS key 0{8}-.* would not make a key: NotFoundException/);
    const altered = Buffer.from(wrapped);
    altered.writeUInt8(altered.readUInt8(altered.length - 1) ^ 1, altered.length - 1);
    await expect((await kms()).unwrap(altered)).rejects.toThrow(/would not unwrap a key: \w+Exception/);
  });

  it('cannot be had while nothing answers', async () => {
    const away = await kms(keyId, 'http://127.0.0.1:1');
    await expect(away.generate()).rejects.toThrow(MasterKeyError);
  });
});
