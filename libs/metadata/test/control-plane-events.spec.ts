import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { ControlPlane, EventFilter, NewEvent, PostgresConnection } from '../src/control-plane/index.js';
import { TestPostgres } from './control-plane-server.js';

const postgres = new TestPostgres();
let connection: PostgresConnection;
let plane: ControlPlane;
let other: ControlPlane;
beforeAll(async () => {
  await postgres.start();
  connection = await postgres.freshDatabase();
  [plane, other] = await Promise.all([postgres.open({ connection }), postgres.open({ connection })]);
});
afterAll(() => postgres.dispose());

const webhook = (filter: Partial<EventFilter> = {}) =>
  plane.events.createWebhook({
    ...{ id: randomUUID(), url: 'https://example.com/', events: [], insecure: false, secret: 'sealed' },
    ...filter,
  });
const happened = (key: string): NewEvent => ({
  ...{ at: Date.now(), type: 'object.created', bucket: 'b', key },
  data: { size: 1 },
});

/** For so long: it is over already, also where the machine's clock goes back a little. */
const OVER_MS = -60_000;

describe('events of the control plane', () => {
  it('are given to a reader by id without a gap, whoever else appends', async () => {
    const keys = Array.from({ length: 40 }, (_, n) => `k${n}`);
    const seen: string[] = [];
    const done: true[] = [];
    const writing = Promise.all(
      keys.map((key, n) => (n % 2 === 0 ? plane : other).events.append([happened(`${key}/1`), happened(`${key}/2`)])),
    ).finally(() => done.push(true));
    let last = '0';
    for (let isOver = false; !isOver;) {
      const wasDone = done.length > 0;
      const page = await plane.events.read(last, 7);
      seen.push(...page.map(({ key }) => key ?? ''));
      last = page.at(-1)?.id ?? last;
      isOver = wasDone && page.length === 0;
    }
    await writing;
    expect(seen.toSorted()).toEqual(keys.flatMap((key) => [`${key}/1`, `${key}/2`]).sort());
    for (const key of keys) expect(seen.indexOf(`${key}/2`)).toBe(seen.indexOf(`${key}/1`) + 1);
  });

  it('are claimed by one worker each, a few of each webhook, not of the busy or the disabled', async () => {
    const [first, second, busy, disabled] = await Promise.all([webhook(), webhook(), webhook(), webhook()]);
    await plane.events.append(Array.from({ length: 10 }, (_, n) => happened(`claimed/${n}`)));
    await plane.events.setWebhookDisabled(disabled.id, true);
    const rounds = await Promise.all(
      [plane, other, plane, other].map(({ events }) => events.claim(3, 60_000, [busy.id])),
    );
    for (const round of rounds)
      for (const group of Map.groupBy(round, ({ webhookId }) => webhookId).values())
        expect(group.length).toBeLessThanOrEqual(3);
    const claimed = rounds.flat();
    expect(new Set(claimed.map(({ id }) => id)).size).toBe(claimed.length);
    expect(new Set(claimed.map(({ webhookId }) => webhookId))).toEqual(new Set([first.id, second.id]));
    for (const { id } of claimed) await plane.events.refused(id, 'no\0', 60_000);
    const rest = await plane.events.claim(100, 60_000, [busy.id]);
    expect(rest.length + claimed.length).toBe(20);
    expect(await plane.events.claim(100, 60_000, [busy.id])).toEqual([]);
    const { items } = await plane.events.listDeliveries({ limit: 100, webhookId: first.id });
    expect(items).toHaveLength(10);
    expect(items[0]).toMatchObject({ state: 'pending', attempts: 1, event: { key: 'claimed/0', data: { size: 1 } } });
    for (const { id } of [first, second, busy, disabled]) await plane.events.deleteWebhook(id);
    expect((await plane.events.listDeliveries({ limit: 100 })).items).toEqual([]);
  });

  it('come back when whoever claimed them has died', async () => {
    const { id } = await webhook({ bucket: 'lease' });
    await plane.events.append([{ ...happened('x'), bucket: 'lease' }]);
    expect(await plane.events.claim(1, OVER_MS, [])).toHaveLength(1);
    expect(await plane.events.claim(1, 60_000, [])).toMatchObject([{ attempts: 2 }]);
    expect(await plane.events.claim(1, 60_000, [])).toEqual([]);
    await plane.events.deleteWebhook(id);
  });

  it('are wanted by those who listen, until they are silent or have died', async () => {
    const id = randomUUID();
    await plane.events.listen(id, { events: ['job.failed'], bucket: 'b' }, 60_000);
    expect(await other.events.wanted()).toEqual([{ events: ['job.failed'], bucket: 'b' }]);
    await plane.events.silence(id);
    expect(await other.events.wanted()).toEqual([]);
    await plane.events.listen(id, { events: [] }, OVER_MS);
    expect(await other.events.wanted()).toEqual([]);
    await plane.events.prune(0);
  });

  it('hold whatever a key can hold, and refuse ids that are none', async () => {
    const { id } = await webhook({ bucket: 'odd' });
    await plane.events.append([{ ...happened('a\0b\u{1F600}'), bucket: 'odd', data: { previous: 'c\0d' } }]);
    const [delivery] = (await plane.events.listDeliveries({ limit: 10, webhookId: id })).items;
    expect(delivery?.event).toMatchObject({ key: 'a\uFFFDb\u{1F600}', data: { previous: 'c\uFFFDd' } });
    for (const wrong of ['', 'x', '99999999', '-1'])
      await expect(plane.events.resend(wrong)).rejects.toMatchObject({ kind: 'not-found' });
    await expect(plane.events.getWebhook('x')).rejects.toMatchObject({ kind: 'not-found' });
    expect((await plane.events.listDeliveries({ limit: 10, webhookId: 'x' })).items).toEqual([]);
  });
});
