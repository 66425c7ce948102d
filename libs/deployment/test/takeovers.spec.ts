import { mkdir, mkdtemp, readFile, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { deleteBucket, openBucket, type OperationContext } from '#libs/objects';
import { runJob, type OpenDeployment } from '../src/index.js';
import { Client } from './objects.js';
import { administrator, Stand } from './stand.js';

describe('taking over directories of files', () => {
  const stand = new Stand();
  let root = '';
  let deployment: OpenDeployment;
  let context: OperationContext;
  let client: Client;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'spumoni-theirs-'));
    await mkdir(join(root, 'photos/2019/may'), { recursive: true });
    for (const key of ['2019/1.jpg', '2019/may/2.jpg', 'read me.txt']) await file(key, `of ${key}`);
    await symlink('/etc/passwd', join(root, 'photos/link'));
    await stand.start();
    deployment = await stand.fresh();
    context = await administrator(deployment);
    const options = { path: root, existing: true };
    await deployment.backends.register('test', { name: 'disk', type: 'filesystem', options });
    client = new Client(deployment, context, 'pictures');
  }, 120_000);
  afterAll(async () => {
    await stand.dispose();
    await rm(root, { recursive: true, force: true });
  }, 60_000);

  const file = (key: string, text: string): Promise<void> => writeFile(join(root, 'photos', key), text);
  const onDisk = (key: string): Promise<string> => readFile(join(root, 'photos', key), 'utf8');

  async function adopt(): Promise<string> {
    const wish = { name: 'pictures', backend: 'disk', adopt: { container: 'photos' } };
    const { job } = await deployment.takeovers.adopt(context, wish);
    expect(await runJob(deployment, job.id, 'worker')).toBe('completed');
    return job.id;
  }

  it('shows what there is to take, asks no word about versions, and tells of what is no object', async () => {
    const { items } = await deployment.takeovers.discover(context, 'disk', { limit: 10 });
    const theirs = { container: 'photos', versioned: false, owner: { kind: 'nobody' }, adoptable: true };
    expect(items).toMatchObject([theirs]);
    expect(await deployment.jobs.get(await adopt())).toMatchObject({
      objects: { total: 4, done: 3, failed: 1 },
      failures: [{ key: 'link', reason: expect.stringContaining('symbolic link') }],
    });
    const after = await deployment.takeovers.discover(context, 'disk', { limit: 10 });
    expect(after.items).toMatchObject([{ owner: { kind: 'bucket', bucket: 'pictures' }, adoptable: false }]);
  });

  it('gives its files as objects, and takes writes and deletes as files', async () => {
    const objects = ['2019/1.jpg', '2019/may/2.jpg', 'read me.txt'].map((key) => [key, `of ${key}`] as const);
    expect(await client.contents()).toEqual(new Map(objects));
    await client.put('2019/1.jpg', 'ours', { team: 'red' });
    await client.put('2020/new.jpg', 'new');
    expect([await onDisk('2019/1.jpg'), await onDisk('2020/new.jpg')]).toEqual(['ours', 'new']);
    await client.put('folder/', '');
    await client.remove('read me.txt');
    expect(await client.keys()).toEqual(['2019/1.jpg', '2019/may/2.jpg', '2020/new.jpg', 'folder/']);
  });

  it('is compared with what others changed, and heals', async () => {
    await file('2019/1.jpg', 'theirs again');
    await file('2019/3.jpg', 'theirs, new');
    await unlink(join(root, 'photos/2019/may/2.jpg'));
    const { id } = await deployment.takeovers.reconcile(context, 'pictures');
    expect(await runJob(deployment, id, 'worker')).toBe('completed');
    const { report } = await deployment.jobs.get(id);
    expect(report).toMatchObject({ counts: { new: 1, changed: 1, missing: 1 } });
    expect(await client.get('2019/1.jpg')).toBe('theirs again');
    expect(await client.get('2019/3.jpg')).toBe('theirs, new');
    await expect(client.get('2019/may/2.jpg')).rejects.toMatchObject({ code: 'object-missing' });
    await file('2019/3.jpg', 'and once more, at a read');
    expect(await client.get('2019/3.jpg')).toBe('and once more, at a read');
  });

  it('is given back with every file, and taken over again with what was stored beside them', async () => {
    await client.put('kept', 'kept', { team: 'blue' });
    const { id } = await openBucket(deployment.engine, context, 'pictures');
    await deleteBucket(deployment.engine, context, id);
    expect(await onDisk('kept')).toBe('kept');
    await expect(onDisk('.spumoni/container.json')).rejects.toMatchObject({ code: 'ENOENT' });
    await adopt();
    expect(await client.get('kept')).toBe('kept');
  });
});
