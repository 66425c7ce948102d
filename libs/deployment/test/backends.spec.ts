import { readdirSync, readFileSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createBucket, ensureContainer, moveObject, openBucket, type OperationContext } from '#libs/objects';
import type { OpenDeployment } from '../src/index.js';
import { Client } from './objects.js';
import { administrator, Stand } from './stand.js';

const SECRET = 'wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY';
const TOKEN = 'a-session-token-that-nobody-may-see';

/** Everything in a directory, as text. */
function everyByteIn(directory: string): string {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
    .join('\n');
}

describe('backends', () => {
  const stand = new Stand();
  let deployment: OpenDeployment;
  let context: OperationContext;

  beforeAll(async () => {
    await stand.start();
    deployment = await stand.fresh({ SPUMONI_BACKEND_DEADLINE_SECONDS: '2' });
    context = await administrator(deployment);
  });
  afterAll(() => stand.dispose());

  const register = (name: string, more: object = { options: { path: stand.path(name) } }) =>
    deployment.backends.register('test', { name, type: 'filesystem', ...more });

  it('are probed, kept, read back and listed (A2.1)', async () => {
    const view = await register('disk');
    expect(view).toMatchObject({
      name: 'disk',
      type: 'filesystem',
      vendor: 'filesystem',
      state: 'ok',
      credentials: [],
      weak: false,
      revision: 1,
      capabilities: { tokens: 'id' },
    });
    expect(view.storageClasses.map(({ name }) => name)).toEqual(['STANDARD']);
    expect(await deployment.backends.get('disk')).toEqual(view);
    expect((await deployment.backends.list({ limit: 10 })).items.map(({ name }) => name)).toEqual(['disk', 'local']);
    await expect(register('disk')).rejects.toMatchObject({ code: 'backend-exists' });
    await expect(deployment.backends.get('disc')).rejects.toMatchObject({ code: 'no-such-backend' });
  });

  it.each([
    [{ name: 'Not_A_Name' }, 'name: expected 1 to 63 lower-case letters, digits and dashes'],
    [{ name: 'x', type: 'floppy' }, 'type: expected one of aws, s3, azure, gcs, filesystem'],
    [{ name: 'x', type: 'filesystem', profile: 'minio' }, 'profile: only a backend of type s3 has a profile'],
    [{ name: 'x', type: 'filesystem', options: {} }, 'options.path: must be the path of a directory'],
    [{ name: 'x', type: 'filesystem', colour: 'red' }, 'colour: unknown field'],
    [{ name: 'x', type: 's3', endpoint: 'ftp://a' }, 'endpoint: expected a URL such as https://s3.example.com'],
    [{ name: 'x', type: 's3', credentials: { accountKey: SECRET } }, 'credentials.accountKey: unknown field'],
    [{ name: 'x', type: 'azure', credentials: { accountKey: 7 } }, 'credentials.accountKey: expected a text'],
  ])('of a wrong form are refused with each reason: %j', async (input, reason) => {
    const refusal: unknown = await deployment.backends.register('test', input).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ name: 'DeploymentError', code: 'invalid-backend' });
    expect(String(refusal)).toContain(reason);
  });

  it('that cannot be used are refused with the reason, and nothing is kept', async () => {
    const file = join(stand.path('odd'), 'file');
    writeFileSync(file, 'not a directory');
    await expect(register('odd', { options: { path: file } })).rejects.toMatchObject({ code: 'backend-check-failed' });
    const foreign = stand.path('foreign');
    writeFileSync(join(foreign, 'thesis.doc'), 'somebody else works here');
    await expect(register('odd', { options: { path: foreign } })).rejects.toThrow(/thesis\.doc/);
    await expect(deployment.backends.get('odd')).rejects.toMatchObject({ code: 'no-such-backend' });
  });

  it('on the directory of another, inside it or around it, are refused, however the path is written', async () => {
    const outer = stand.path('outer');
    const taken = join(outer, 'taken');
    await register('taken', { options: { path: taken } });
    symlinkSync(taken, join(outer, 'link'));
    for (const [path, is] of [
      [taken, 'is'],
      [join(outer, 'link'), 'is'],
      [`${taken}/../taken/.`, 'is'],
      [join(outer, 'link', 'new', 'er'), 'lies inside'],
      [outer, 'holds'],
    ] as const) {
      const refusal = register('second', { options: { path, existing: true } });
      await expect(refusal).rejects.toMatchObject({
        code: 'invalid-backend',
        violations: [{ path: 'options.path', message: expect.stringContaining(`${is} that of backend "taken"`) }],
      });
    }
    await expect(register('second', { options: { path: '../elsewhere' } })).rejects.toMatchObject({
      code: 'invalid-backend',
      violations: [{ path: 'options.path', message: expect.stringContaining('expected an absolute path') }],
    });
    expect(readdirSync(outer).sort()).toEqual(['link', 'taken']);
    // One whose name begins alike is another.
    await register('beside', { options: { path: `${taken}-too` } });
    const moved = deployment.backends.update('test', 'beside', { options: { path: join(taken, 'in') } });
    await expect(moved).rejects.toMatchObject({ code: 'invalid-backend' });
    expect(await deployment.backends.update('test', 'taken', { options: { path: `${taken}/` } })).toBeDefined();
    await deployment.backends.remove('taken');
    expect(await register('second', { options: { path: taken } })).toBeDefined();
  });

  it('asked for at the same moment, on one directory or on one inside the other: one gets it', async () => {
    for (let round = 0; round < 2; round += 1) {
      const path = join(stand.path('raced'), 'deep');
      const wishes = [path, path, join(path, 'er'), join(path, '..')];
      const ended = await Promise.allSettled(
        wishes.map((one, n) =>
          register(`raced-${String(round)}-${String(n)}`, { options: { path: one, existing: true } }),
        ),
      );
      expect(ended.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const end of ended)
        if (end.status === 'rejected') expect(end.reason).toMatchObject({ code: 'invalid-backend' });
    }
    const own = await Promise.all(
      [1, 2, 3].map((n) => register(`apart-${String(n)}`, { options: { path: stand.path('apart') } })),
    );
    expect(own).toHaveLength(3);
    const meeting = join(stand.path('meeting'), 'place');
    const moves = await Promise.allSettled(
      own.map(({ name }) => deployment.backends.update('test', name, { options: { path: meeting } })),
    );
    expect(moves.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('whose directory, or that of another, cannot be looked at are refused with the reason', async () => {
    const root = stand.path('looped');
    const loop = join(root, 'loop');
    const path = join(root, 'real');
    await register('looped', { options: { path } });
    symlinkSync(loop, loop);
    await expect(register('wanting', { options: { path: join(loop, 'in') } })).rejects.toMatchObject({
      violations: [
        { path: 'options.path', message: expect.stringMatching(/^the directory cannot be looked at \(ELOOP/) },
      ],
    });
    renameSync(path, `${path}-away`);
    symlinkSync(loop, path);
    await expect(register('wanting', { options: { path: stand.path('free') } })).rejects.toMatchObject({
      code: 'invalid-backend',
      violations: [{ message: expect.stringMatching(/that of backend "looped" cannot be told.*\(ELOOP\)/) }],
    });
    unlinkSync(path);
    renameSync(`${path}-away`, path);
    expect(await register('wanting', { options: { path: stand.path('free') } })).toBeDefined();
  });

  it('show no credential, in a view, an error, a log or a file (A1.14, A1.15, A1.16)', async () => {
    // Nobody listens there, so the probe fails with the credentials at hand.
    const wish = {
      name: 'cloud',
      type: 's3',
      profile: 'minio',
      endpoint: 'http://127.0.0.1:9',
      region: 'us-east-1',
      credentials: { accessKey: 'AKIA-shown', secretKey: SECRET, sessionToken: TOKEN },
      options: { insecure: true, pathStyle: true },
    };
    const refusal: unknown = await deployment.backends.register('test', wish).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'backend-check-failed', facts: { state: 'unreachable' } });
    expect(inspect(refusal, { depth: 12, showHidden: true })).not.toMatch(new RegExp(`${SECRET}|${TOKEN}`));
    // One row's sealed credentials do not open in another's.
    const plane = deployment.controlPlane;
    const local = await plane.backends.get('local');
    const { credentials, capabilities, state } = local;
    await plane.backends.create({ name: 'kept', type: 's3', options: {}, credentials, capabilities, state });
    expect(await deployment.backends.get('kept')).toMatchObject({ state: 'denied', credentials: [] });
    expect((await deployment.backends.check('test', 'kept')).lastCheckError).toMatch(/does not belong/);
    await expect(deployment.backends.update('test', 'kept', {})).rejects.toThrow(/rotate its credentials/);
    await plane.backends.delete((await plane.backends.get('kept')).id);
    const everything = everyByteIn(stand.directory) + inspect(stand.log.lines, { depth: 12 });
    expect(everything).not.toMatch(new RegExp(`${SECRET}|${TOKEN}`));
  });

  it('are checked again: a store that went away is said to be unreachable, and is back when it is back', async () => {
    await register('mount', { options: { path: stand.path('mount') } });
    const record = await deployment.controlPlane.backends.get('mount');
    const path = String(record.options['path']);
    const marker = readdirSync(path).find((name) => name.startsWith('.spumoni-root'));
    const text = readFileSync(join(path, marker ?? ''));
    writeFileSync(join(path, marker ?? ''), 'damaged');
    const away = await deployment.backends.check('test', 'mount');
    expect(away).toMatchObject({ state: 'unreachable', capabilities: { tokens: 'id' } });
    expect(away.lastCheckError).toMatch(/marker/);
    writeFileSync(join(path, marker ?? ''), text);
    const back = await deployment.backends.check('test', 'mount');
    expect(back.state).toBe('ok');
    expect(back).not.toHaveProperty('lastCheckError');
  });

  it('change only on what was read, and only to what works', async () => {
    const { revision } = await register('changing');
    const { backends } = deployment;
    const moved = await backends.update('test', 'changing', {
      options: { path: stand.path('moved') },
      expectedRevision: revision,
    });
    expect(moved.revision).toBe(revision + 1);
    const late = backends.update('test', 'changing', { options: moved.options, expectedRevision: revision });
    await expect(late).rejects.toMatchObject({ code: 'changed-meanwhile' });
    const file = join(stand.path('file'), 'file');
    writeFileSync(file, '');
    const broken = backends.update('test', 'changing', { options: { path: file } });
    await expect(broken).rejects.toMatchObject({ code: 'backend-check-failed' });
    const wrong = backends.rotate('test', 'changing', { secretKey: SECRET });
    await expect(wrong).rejects.toMatchObject({ code: 'invalid-backend' });
    expect((await backends.rotate('test', 'changing', {})).revision).toBe(moved.revision + 1);
    expect((await backends.get('changing')).options).toEqual(moved.options);
  });

  it('are not removed while a bucket, an object, a tier or a rule is there; the refusal says which', async () => {
    await register('full');
    await register('guest');
    const { bucket } = await createBucket(deployment.engine, context, { name: 'photos', backend: 'full' });
    const remove = (name: string): Promise<void> => deployment.backends.remove(name);
    await expect(remove('full')).rejects.toThrow(/bucket photos is at home there/);
    const client = new Client(deployment, context, 'photos');
    await client.put('a', 'text');
    const guest = (await deployment.engine.catalog.list()).find(({ name }) => name === 'guest');
    if (guest === undefined) throw new Error('guest is registered');
    const ready = await ensureContainer(deployment.engine, context, bucket, guest);
    await moveObject(deployment.engine, context, { bucket: ready, key: 'a', to: guest.id });
    await expect(remove('guest')).rejects.toThrow(
      /container photos of bucket photos holds objects that were moved there/,
    );
    expect(await client.get('a')).toBe('text');
    await register('listed');
    await deployment.tiers.put('Platinum', { backends: ['listed'] });
    await expect(remove('listed')).rejects.toThrow(/tier policy Platinum lists it/);
    await deployment.tiers.remove('platinum');
    const rule = { id: 'r', enabled: true, filter: {}, transitions: [{ days: 1, tier: 'Gold', backend: 'listed' }] };
    await deployment.lifecycles.put(context, 'photos', { rules: [rule] });
    await expect(remove('listed')).rejects.toThrow(/a lifecycle rule of bucket photos/);
    await deployment.lifecycles.remove(context, 'photos');
    await remove('listed');
    await expect(remove('listed')).rejects.toMatchObject({ code: 'no-such-backend' });
  });

  it('that were registered anew are opened anew, while what was begun on the old one ends', async () => {
    await register('turning');
    await createBucket(deployment.engine, context, { name: 'turning', backend: 'turning' });
    const client = new Client(deployment, context, 'turning');
    await client.put('a', 'text');
    const { home } = await openBucket(deployment.engine, context, 'turning');
    const before = await deployment.engine.backends.open(home);
    await deployment.backends.check('test', 'turning');
    expect(await deployment.engine.backends.open(home)).toBe(before);
    const { options } = await deployment.backends.get('turning');
    // The same place in other words.
    await deployment.backends.update('test', 'turning', { options: { path: `${String(options['path'])}/.` } });
    expect(await deployment.engine.backends.open(home)).not.toBe(before);
    expect(await client.get('a')).toBe('text');
    await expect(deployment.engine.backends.open('none')).rejects.toMatchObject({ code: 'unknown-backend' });
  });

  it('have tiers beside them: each vendor with its own class, unknown backends named, none removed in use (A2.2)', async () => {
    const { tiers } = deployment;
    const silver = await tiers.get('silver');
    expect(silver.classes).toMatchObject({
      aws: 'STANDARD_IA',
      azure: 'Cool',
      gcs: 'NEARLINE',
      filesystem: 'STANDARD',
    });
    expect(silver.details.aws).toMatchObject({ name: 'STANDARD_IA', minimumDays: 30 });
    await expect(tiers.put('Odd', { backends: ['nowhere'] })).rejects.toThrow(
      /there is no backend "nowhere"; registered are: /,
    );
    await expect(tiers.put('Odd', { classes: { aws: 'GLACEER' } })).rejects.toMatchObject({ code: 'invalid-tier' });
    const { tier, created } = await tiers.put('Odd', { classes: { azure: 'cold' }, attributes: { iops: 3 } });
    expect({ created, azure: tier.classes.azure, iops: tier.attributes['iops'] }).toEqual({
      created: true,
      azure: 'Cold',
      iops: 3,
    });
    await expect(tiers.put('Odd', {}, tier.revision + 1)).rejects.toMatchObject({ code: 'changed-meanwhile' });
    await createBucket(deployment.engine, context, { name: 'tiered', backend: 'local', policy: 'odd' });
    await expect(tiers.remove('ODD')).rejects.toThrow(/buckets have it: tiered/);
    await expect(tiers.remove('none')).rejects.toMatchObject({ code: 'no-such-tier' });
  });
});
