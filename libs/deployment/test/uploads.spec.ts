import { randomBytes, randomUUID } from 'node:crypto';
import { appendFileSync, renameSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createBucket, NO_ATTRIBUTES, openBucket, type CrashPoint, type OperationContext } from '#libs/objects';
import { MasterKey } from '#libs/secrets';
import { Housekeeping, runJob, type OpenDeployment, type UploadWish } from '../src/index.js';
import { systemClock } from '../src/runtime/system-clock.js';
import { Client } from './objects.js';
import { administrator, MovableClock, Stand } from './stand.js';

const DAY = 86_400_000;
const MINUTE = 60_000;
/** The claim of another request. */
const OTHER = randomUUID();
/** Called at points of the domain; what it throws ends the work there. */
let atPoint: (point: CrashPoint, about: string) => void = () => undefined;

/** The uploads of one bucket, as the administrator. */
class Uploads {
  constructor(
    private readonly deployment: OpenDeployment,
    private readonly context: OperationContext,
    private readonly bucket: string,
  ) {}

  async #place(key: string) {
    return { bucket: await openBucket(this.deployment.engine, this.context, this.bucket), key };
  }

  async begin(key: string, size: number, more: Partial<UploadWish> = {}): Promise<string> {
    const upload = { key, attributes: NO_ATTRIBUTES, expected: {}, ...more };
    const wish = { id: randomUUID(), size, upload };
    return (await this.deployment.uploads.create(this.context, await this.#place(key), wish)).id;
  }

  async append(key: string, id: string, offset: number, text: string) {
    async function* body(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.from(text));
    }
    return this.deployment.uploads.append(this.context, await this.#place(key), { id, offset, body: body() });
  }

  async get(key: string, id: string) {
    return this.deployment.uploads.get(this.context, await this.#place(key), id);
  }
}

describe('uploads that go on', () => {
  const stand = new Stand();
  const clock = new MovableClock(
    systemClock((error) => {
      throw error;
    }),
  );
  let deployment: OpenDeployment;
  let context: OperationContext;
  let made = 0;
  let name = '';
  let uploads: Uploads;

  beforeAll(async () => {
    await stand.start();
    deployment = await stand.fresh(
      { SPUMONI_GARBAGE_GRACE_SECONDS: '0' },
      { clock, reach: (point, about) => atPoint(point, about) },
    );
    context = await administrator(deployment);
    const options = { path: stand.path('second') };
    await deployment.backends.register('test', { name: 'second', type: 'filesystem', options });
  }, 120_000);
  afterAll(() => stand.dispose());
  beforeEach(async () => {
    atPoint = () => undefined;
    made += 1;
    name = `films-${made}`;
    await createBucket(deployment.engine, context, { name, backend: 'local' });
    uploads = new Uploads(deployment, context, name);
  });

  const keepHouse = () =>
    new Housekeeping({
      ...deployment,
      lifecycleEveryMs: DAY,
      repairAfterMs: DAY,
      auditKeptMs: 30 * DAY,
      eventsKeptMs: 7 * DAY,
    }).run();

  /** What the bucket's containers hold, by the vendors' own listings. */
  const listed = async (): Promise<string[]> => {
    const { containers } = await openBucket(deployment.engine, context, name);
    const keys: string[] = [];
    for (const { backend, container } of containers) {
      const { entries } = await (
        await deployment.engine.backends.open(backend)
      ).list({ requestId: 'test' }, { container, include: 'everything', limit: 100 });
      keys.push(...entries.map(({ key }) => key.replace(/^(\.spumoni\/u\/).*/, '$1…')));
    }
    return keys.sort();
  };

  it('end when they take too long, and leave nothing', async () => {
    const id = await uploads.begin('film', 10);
    await uploads.append('film', id, 0, 'hello');
    await keepHouse();
    expect(await listed()).toEqual(['.spumoni/container.json', '.spumoni/u/…']);
    clock.move(DAY + 1_000);
    await expect(uploads.append('film', id, 5, 'world')).rejects.toMatchObject({ code: 'upload-expired' });
    expect(await keepHouse()).toMatchObject({ uploadsEnded: 1, failures: [] });
    expect(await listed()).toEqual(['.spumoni/container.json']);
    await expect(uploads.get('film', id)).rejects.toMatchObject({ code: 'no-such-upload' });
  });

  it('that are being completed when they expire keep their parts until that has ended', async () => {
    const { uploads: store } = deployment.controlPlane;
    const id = await uploads.begin('film', 10);
    await uploads.append('film', id, 0, 'hello');
    clock.move(DAY + 1_000);
    const due = store.due.bind(store);
    const listing = jest.spyOn(store, 'due').mockImplementationOnce(async (limit) => {
      const found = await due(limit);
      expect(found.map((one) => one.id)).toContain(id);
      // A completion begins between the listing and what is done about it.
      expect(await store.claim(id, OTHER, clock.now() + MINUTE)).toBeDefined();
      return found;
    });
    expect(await keepHouse()).toMatchObject({ failures: [] });
    listing.mockRestore();
    expect(await store.segments(id)).toHaveLength(1);
    expect(await listed()).toEqual(['.spumoni/container.json', '.spumoni/u/…']);
    await store.renew(id, OTHER, { until: 0 });
    await keepHouse();
    expect(await store.find(id)).toBeUndefined();
    expect(await listed()).toEqual(['.spumoni/container.json']);
  });

  it('that expired on a backend that is away keep those on others from nothing, and go once it is back', async () => {
    const { uploads: store, backends } = deployment.controlPlane;
    // Of the tests before nothing is due any more.
    clock.move(2 * DAY);
    await keepHouse();
    await createBucket(deployment.engine, context, { name: `away-${made}`, backend: 'second' });
    const away = new Uploads(deployment, context, `away-${made}`);
    const stuck = await away.begin('film', 10);
    await away.append('film', stuck, 0, 'hello');
    clock.move(1_000);
    const id = await uploads.begin('film', 10);
    await uploads.append('film', id, 0, 'hello');
    clock.move(DAY + 1_000);
    const root = String((await backends.get('second')).options['path']);
    renameSync(root, `${root}.away`);
    // One at a time: the one that has been due for longest fails, and is not in the way of the next.
    expect(await deployment.uploads.expire(context, 1)).toBe(0);
    expect(await deployment.uploads.expire(context, 1)).toBe(1);
    expect(await store.find(id)).toBeUndefined();
    renameSync(`${root}.away`, root);
    expect(await deployment.uploads.expire(context, 1)).toBe(0);
    clock.move(31 * MINUTE);
    expect(await deployment.uploads.expire(context, 1)).toBe(1);
    expect(await store.find(stuck)).toBeUndefined();
  });

  it.each<CrashPoint>(['bytes-sent', 'committed'])(
    'whose process dies over their completion at %s are completed once, by whoever looks next',
    async (fatal) => {
      const id = await uploads.begin('film', 10, { conditions: { ifNoneMatch: ['*'] } });
      await uploads.append('film', id, 0, 'hello');
      atPoint = (point, about) => {
        if (point === fatal && about === 'film') throw new Error('died');
      };
      await expect(uploads.append('film', id, 5, 'world')).rejects.toThrow('died');
      atPoint = () => undefined;
      const [one, other] = await Promise.allSettled([uploads.get('film', id), uploads.get('film', id)]);
      for (const end of [one, other]) if (end.status === 'rejected') expect(end.reason).toMatchObject({ code: 'busy' });
      expect(await uploads.get('film', id)).toMatchObject({ isDone: true, offset: 10 });
      expect(await new Client(deployment, context, name).get('film')).toBe('helloworld');
    },
  );

  it('whose process stood still over their completion are left to the one that took them over, with their parts', async () => {
    const { uploads: store } = deployment.controlPlane;
    const id = await uploads.begin('film', 10);
    await uploads.append('film', id, 0, 'hello');
    const finish = store.finish.bind(store);
    const late = jest.spyOn(store, 'finish').mockImplementationOnce(async (...end) => {
      // Its claim ran out while it stood still, and another has it before it goes on.
      clock.move(MINUTE);
      expect(await store.claim(id, OTHER, clock.now() + MINUTE)).toBeDefined();
      return finish(...end);
    });
    await expect(uploads.append('film', id, 5, 'world')).rejects.toMatchObject({ code: 'busy' });
    late.mockRestore();
    expect(await store.segments(id)).toHaveLength(2);
    expect(await listed()).toEqual(['.spumoni/container.json', '.spumoni/u/…', '.spumoni/u/…', 'film']);
    await store.renew(id, OTHER, { until: 0 });
    expect(await uploads.get('film', id)).toMatchObject({ isDone: true });
    expect(await new Client(deployment, context, name).get('film')).toBe('helloworld');
  });

  it('leave nothing of a part whose process died before it could count it', async () => {
    const id = await uploads.begin('film', 10);
    atPoint = (point) => {
      if (point === 'committed') throw new Error('died');
    };
    await expect(uploads.append('film', id, 0, 'hello')).rejects.toThrow('died');
    atPoint = () => undefined;
    expect(await uploads.get('film', id)).toMatchObject({ offset: 0 });
    expect(await uploads.append('film', id, 0, 'helloworld')).toMatchObject({ isDone: true });
    await keepHouse();
    expect(await listed()).toEqual(['.spumoni/container.json', 'film']);
  });

  it('go on while their bucket moves to another backend, which waits for them with its old container', async () => {
    const id = await uploads.begin('film', 10);
    await uploads.append('film', id, 0, 'hello');
    await new Client(deployment, context, name).put('other', 'text');
    const { id: job } = await deployment.migrations.start(context, {
      bucket: name,
      destination: { backend: 'second' },
    });
    expect(await runJob(deployment, job, 'worker')).toBe('completed');
    await keepHouse();
    expect((await openBucket(deployment.engine, context, name)).containers).toHaveLength(2);
    expect(await uploads.append('film', id, 5, 'world')).toMatchObject({ isDone: true });
    expect(await new Client(deployment, context, name).get('film')).toBe('helloworld');
    await keepHouse();
    await keepHouse();
    expect((await openBucket(deployment.engine, context, name)).containers).toHaveLength(1);
    expect(await listed()).toEqual(['.spumoni/container.json', 'film', 'other']);
  });

  it('to encrypted buckets outlive the rotation of the master key', async () => {
    const settings = await stand.settings();
    const before = await stand.open(settings);
    const root = await administrator(before);
    await createBucket(before.engine, root, { name: 'vault', backend: 'local', encrypted: true });
    const sealed = new Uploads(before, root, 'vault');
    const id = await sealed.begin('film', 10);
    await sealed.append('film', id, 0, 'hello');
    await before.close();
    const next = randomBytes(32);
    appendFileSync(settings.masterKeyFile, `${next.toString('hex')}\n`);
    const rotating = await stand.open(settings);
    const job = await rotating.encryption.rotate(root, new MasterKey(next).id);
    expect(await runJob(rotating, job.id, 'worker')).toBe('completed');
    await rotating.close();
    writeFileSync(settings.masterKeyFile, `${next.toString('hex')}\n`, { mode: 0o600 });
    const after = await stand.open(settings);
    expect(await new Uploads(after, root, 'vault').append('film', id, 5, 'world')).toMatchObject({ isDone: true });
    expect(await new Client(after, root, 'vault').get('film')).toBe('helloworld');
    await after.close();
  }, 60_000);
});
