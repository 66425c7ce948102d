import { statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { createBucket } from '#libs/objects';
import { isDeploymentError, openDeployment } from '../src/index.js';
import { administrator, Stand } from './stand.js';

describe('the first start of a deployment', () => {
  const stand = new Stand();
  beforeAll(() => stand.start());
  afterAll(() => stand.dispose());

  it('makes tiers, the backend local and one administrator once, though three processes begin together', async () => {
    const settings = await stand.settings();
    // One process cannot open one lmdb environment twice: each has its own data directory, and all share Postgres and the master key.
    const three = await Promise.all(
      [0, 1, 2].map((n) => stand.open({ ...settings, dataDirectory: stand.path(`n${n}`) })),
    );
    const [first] = three;
    const shown = three.flatMap(({ firstAdministrator }) => firstAdministrator ?? []);
    expect(shown).toHaveLength(1);
    for (const one of three) {
      expect((await one.backends.list({ limit: 10 })).items.map(({ name }) => name)).toEqual(['local']);
      expect((await one.tiers.list({ limit: 10 })).items.map(({ name }) => name)).toEqual(['Bronze', 'Gold', 'Silver']);
      expect((await one.users.listUsers({ limit: 10 })).items).toHaveLength(1);
      const checks = { controlPlane: true, index: true, queue: true, masterKey: true };
      expect(await one.readiness()).toEqual({ ready: true, checks });
    }
    const key = shown[0];
    const principal = await first?.authenticate(key?.accessKey ?? '', key?.secretKey.reveal() ?? '');
    expect(principal).toMatchObject({ name: 'root', role: 'admin' });
  });

  it('says which part is silent, and does not wait for it', async () => {
    const deployment = await stand.fresh();
    jest.spyOn(deployment.engine.index, 'ping').mockReturnValue(new Promise(() => undefined));
    expect(await deployment.readiness()).toEqual({
      ready: false,
      checks: { controlPlane: true, index: false, queue: true, masterKey: true },
    });
  });

  it('lets a bucket be made at once, in a directory for the owner alone', async () => {
    const deployment = await stand.fresh();
    const context = await administrator(deployment);
    const { bucket } = await createBucket(deployment.engine, context, {
      name: 'photos',
      backend: 'local',
      policy: 'gold',
    });
    expect(bucket).toMatchObject({ name: 'photos', state: 'active', policy: 'Gold' });
    const { dataDirectory, masterKeyFile } = deployment.settings;
    expect(statSync(dataDirectory).mode & 0o777).toBe(0o700);
    expect(statSync(masterKeyFile).mode & 0o777).toBe(0o600);
  });

  it('brings nothing back that was deleted since, and honours root keys that the settings give', async () => {
    const settings = await stand.settings({
      SPUMONI_ROOT_ACCESS_KEY: 'root-key',
      SPUMONI_ROOT_SECRET_KEY: 'a-secret-of-mine',
    });
    const before = await stand.open(settings);
    expect(before.firstAdministrator).toBeUndefined();
    await before.tiers.remove('bronze');
    await before.backends.remove('local');
    await before.close();
    const after = await stand.open(settings);
    expect((await after.tiers.list({ limit: 10 })).items.map(({ name }) => name)).toEqual(['Gold', 'Silver']);
    expect((await after.backends.list({ limit: 10 })).items).toEqual([]);
    expect(await after.authenticate('root-key', 'a-secret-of-mine')).toMatchObject({ role: 'admin' });
  });

  it('is refused without a Postgres, in words that name the variable', async () => {
    const settings = await stand.settings();
    const opening = openDeployment({ ...settings, postgresUrl: undefined }, { role: 'worker', logger: stand.log });
    const error = await opening.catch((failure: unknown) => failure);
    expect(isDeploymentError(error, 'invalid-setting') && error.message).toContain('SPUMONI_POSTGRES_URL: is missing');
  });

  it('lets a new key in at once, and shuts a disabled one out at once', async () => {
    const deployment = await stand.fresh();
    const user = await deployment.users.createUser('ann', 'user');
    const { key, secret } = await deployment.users.createKey(user.id);
    expect(await deployment.authenticate(key.accessKeyId, secret.reveal())).toMatchObject({
      name: 'ann',
      role: 'user',
    });
    await deployment.users.setKeyDisabled(key.accessKeyId, true);
    await expect(deployment.authenticate(key.accessKeyId, secret.reveal())).rejects.toMatchObject({ code: 'denied' });
  });
});
