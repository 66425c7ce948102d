import { randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createBucket, openObject, putObject, requireBucket } from '#libs/objects';
import { MasterKey, MasterKeyError, masterKeyIdOf, wrappingKeyIdOf } from '#libs/secrets';
import type { Settings } from '#libs/settings';
import pg from 'pg';
import { runJob, type OpenDeployment } from '../src/index.js';
import { administrator, Stand } from './stand.js';

const TEXT = 'nobody at the vendor may read this sentence';

describe('the master keys of a deployment', () => {
  const stand = new Stand();
  beforeAll(() => stand.start(), 120_000);
  afterAll(() => stand.dispose());

  const newKey = (): { hex: string; id: string } => {
    const bytes = randomBytes(32);
    return { hex: bytes.toString('hex'), id: new MasterKey(bytes).id };
  };

  async function refusal(settings: Settings): Promise<string> {
    const error: unknown = await stand.open(settings).catch((failure: unknown) => failure);
    if (!(error instanceof MasterKeyError)) throw new Error('it opened', { cause: error });
    return error.message;
  }

  async function sealSomething(deployment: OpenDeployment): Promise<void> {
    const context = await administrator(deployment);
    const { bucket } = await createBucket(deployment.engine, context, {
      name: 'vault',
      backend: 'local',
      encrypted: true,
    });
    const attributes = { headers: {}, metadata: {}, tags: {} };
    const put = { bucket, key: 'k', body: Buffer.from(TEXT), expected: {}, attributes };
    await putObject(deployment.engine, context, put);
  }

  async function opened(deployment: OpenDeployment): Promise<string> {
    const context = await administrator(deployment);
    const found = await deployment.engine.index.findBucket('vault');
    const { value: bucket } = await requireBucket(deployment.engine, found?.value.id ?? fail('no bucket'));
    const { body } = await openObject(deployment.engine, context, { bucket, key: 'k' });
    const parts: Uint8Array[] = [];
    for await (const chunk of body) parts.push(chunk);
    return Buffer.concat(parts).toString();
  }

  it('are needed at every start: without one it refuses, names it, and makes no other', async () => {
    const settings = await stand.settings();
    const first = await stand.open(settings);
    await sealSomething(first);
    const { current } = await first.encryption.view();
    await first.close();
    const kept = readFileSync(settings.masterKeyFile);
    rmSync(settings.masterKeyFile);
    expect(await refusal(settings)).toContain(`needs the master key ${current}, and in the file`);
    expect(existsSync(settings.masterKeyFile)).toBe(false);
    const wrong = newKey();
    writeFileSync(settings.masterKeyFile, wrong.hex, { mode: 0o600 });
    expect(await refusal(settings)).toMatch(new RegExp(`needs the master key ${current}.*there is ${wrong.id}`));
    writeFileSync(settings.masterKeyFile, kept, { mode: 0o600 });
    const again = await stand.open(settings);
    expect(await opened(again)).toBe(TEXT);
  });

  it('are needed too by a deployment that is older than the record of them', async () => {
    const settings = await stand.settings({
      SPUMONI_ROOT_ACCESS_KEY: 'root-key',
      SPUMONI_ROOT_SECRET_KEY: 'some-secret',
    });
    const first = await stand.open(settings);
    const { current } = await first.encryption.view();
    await first.close();
    const client = new pg.Client({ connectionString: settings.postgresUrl?.reveal() });
    await client.connect();
    await client.query('DELETE FROM master_key');
    await client.end();
    const kept = readFileSync(settings.masterKeyFile);
    rmSync(settings.masterKeyFile);
    expect(await refusal(settings)).toContain(`needs the master key ${current}`);
    writeFileSync(settings.masterKeyFile, kept, { mode: 0o600 });
    const again = await stand.open(settings);
    expect((await again.encryption.view()).current).toBe(current);
    expect(await again.authenticate('root-key', 'some-secret')).toMatchObject({ role: 'admin' });
  });

  it('may come from the environment, in base64; no file is made then', async () => {
    const [one, two] = [newKey(), newKey()];
    const base64 = (hex: string): string => Buffer.from(hex, 'hex').toString('base64');
    const settings = await stand.settings({ SPUMONI_MASTER_KEY: `${base64(one.hex)},${base64(two.hex)}` });
    const deployment = await stand.open(settings);
    expect(existsSync(settings.masterKeyFile)).toBe(false);
    expect(await deployment.encryption.view()).toMatchObject({
      current: one.id,
      keys: [
        { id: one.id, state: 'current', atHand: true },
        { id: two.id, state: 'none', atHand: true },
      ],
    });
    expect(JSON.stringify(settings)).not.toContain(base64(one.hex));
  });

  it('rotate: everything comes under the new key, no object is rewritten, and the old key can go', async () => {
    const settings = await stand.settings({
      SPUMONI_ROOT_ACCESS_KEY: 'root-key',
      SPUMONI_ROOT_SECRET_KEY: 'some-secret',
    });
    const before = await stand.open(settings);
    await sealSomething(before);
    const hook = await before.events.createWebhook({ url: 'https://example.com/hook' });
    const old = (await before.encryption.view()).current;
    await before.close();
    const next = newKey();
    appendFileSync(settings.masterKeyFile, `${next.hex}\n`);
    const deployment = await stand.open(settings);
    const context = await administrator(deployment);
    await expect(deployment.encryption.rotate(context, 'deadbeef')).rejects.toMatchObject({
      code: 'unknown-master-key',
    });
    const job = await deployment.encryption.rotate(context, next.id);
    expect(job).toMatchObject({ type: 'key-rotation', state: 'planned' });
    await expect(deployment.encryption.rotate(context, old)).rejects.toMatchObject({ code: 'rotation-unfinished' });
    // Killed half-way: it is given back, and another worker goes on.
    const stop = new AbortController();
    const running = runJob(deployment, job.id, 'worker-1', stop.signal);
    await until(async () => (await deployment.jobs.get(job.id)).objects.done === 1);
    stop.abort();
    expect(await running).toBe('released');
    expect((await deployment.encryption.view()).keys).toMatchObject([
      { id: old, state: 'retiring' },
      { state: 'current' },
    ]);
    expect(await runJob(deployment, job.id, 'worker-2')).toBe('completed');
    expect(await deployment.jobs.get(job.id)).toMatchObject({ objects: { total: 1, done: 1, failed: 0 } });
    expect(await deployment.encryption.view()).toMatchObject({
      current: next.id,
      keys: [
        { id: old, state: 'retired' },
        { id: next.id, state: 'current' },
      ],
    });
    const { backends, keys } = await deployment.controlPlane.configuration.current();
    const ids = [...backends.map((b) => b.credentials), ...keys.map((k) => k.secret)].map(masterKeyIdOf);
    expect(new Set(ids)).toEqual(new Set([next.id]));
    const bucket = await deployment.engine.index.findBucket('vault');
    const found = await deployment.engine.index.getKey({ bucket: bucket?.value.id ?? fail('no bucket'), key: 'k' });
    expect(wrappingKeyIdOf(found?.value.current?.sealing?.key ?? '')).toBe(next.id);
    await deployment.close();
    writeFileSync(settings.masterKeyFile, `${next.hex}\n`, { mode: 0o600 });
    const after = await stand.open(settings);
    expect(await opened(after)).toBe(TEXT);
    expect(await after.authenticate('root-key', 'some-secret')).toMatchObject({ role: 'admin' });
    const kept = await after.controlPlane.events.getWebhook(hook.webhook.id);
    expect(after.webhookSecrets.open(kept).equals(hook.secret)).toBe(true);
    await after.close();
    rmSync(join(settings.masterKeyFile));
    writeFileSync(settings.masterKeyFile, `${newKey().hex}\n`, { mode: 0o600 });
    expect(await refusal(settings)).toContain(`needs the master key ${next.id}`);
  }, 60_000);
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}

function fail(message: string): never {
  throw new Error(message);
}
