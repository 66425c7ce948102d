import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AuditRecord, AuditRequest, ControlPlane, PostgresConnection } from '../src/control-plane/index.js';
import { TestPostgres } from './control-plane-server.js';

const DAY = 86_400_000;
const postgres = new TestPostgres();
let connection: PostgresConnection;
let plane: ControlPlane;
beforeAll(async () => {
  await postgres.start();
  connection = await postgres.freshDatabase();
  plane = await postgres.open({ connection });
});
afterAll(() => postgres.dispose());

const asked = (more: Partial<AuditRequest> = {}): AuditRequest => ({
  at: Date.now(),
  action: 'createUser',
  resource: '/admin/v1/users',
  actor: 'root',
  actorId: 'root-id',
  accessKey: 'ROOTKEY',
  remoteAddress: '127.0.0.1',
  requestId: 'r1',
  ...more,
});
const all = async (filter: object = {}): Promise<readonly AuditRecord[]> =>
  (await plane.audit.list({ limit: 1000, ...filter })).items;

describe('the audit log', () => {
  it('shows a change as begun until it is settled, once', async () => {
    const id = await plane.audit.begin(asked({ requestId: 'begun' }));
    const [begun] = await all();
    expect(begun).toMatchObject({ id, result: 'begun', actor: 'root', count: 1, details: {} });
    expect(begun).not.toHaveProperty('settledAt');
    await plane.audit.settle(id, { result: 'done', status: 201, details: { name: 'ada', disabled: false } });
    expect((await all())[0]).toMatchObject({ result: 'done', status: 201, details: { name: 'ada', disabled: false } });
    await expect(plane.audit.settle(id, { result: 'failed' })).rejects.toMatchObject({ kind: 'conflict' });
    await expect(plane.audit.settle('999999', { result: 'done' })).rejects.toMatchObject({ kind: 'conflict' });
  });

  it('finds records by each thing that is known of them, and by all together', async () => {
    const at = Date.parse('2026-01-02T00:00:00Z');
    await plane.audit.append([
      { ...asked({ at, actor: 'ada', actorId: 'a1', accessKey: 'K1', action: 'x1' }), result: 'refused', status: 403 },
      { ...asked({ at: at + 1000, actor: 'bob', action: 'x2', resource: '/v1/50%_off/a' }), result: 'done' },
    ]);
    const actions = async (filter: object) => (await all(filter)).map(({ action }) => action);
    for (const actor of ['ada', 'a1', 'K1']) expect(await actions({ actor })).toEqual(['x1']);
    expect(await actions({ resource: '/v1/50%_' })).toEqual(['x2']);
    expect(await actions({ resource: '/v1/5_%' })).toEqual([]);
    expect(await actions({ from: at, to: at + 1000 })).toEqual(['x1']);
    expect(await actions({ from: at, to: at + 1001, order: 'oldest' })).toEqual(['x1', 'x2']);
    expect(await actions({ result: 'refused' })).toEqual(['x1']);
    expect(await actions({ action: 'x2', actor: 'bob', result: 'done' })).toEqual(['x2']);
    expect(await actions({ action: 'x2', actor: 'ada' })).toEqual([]);
  });

  it('pages in both orders without losing or repeating a record', async () => {
    const records = Array.from({ length: 7 }, (_, n) => asked({ action: 'paged', requestId: String(n) }));
    await plane.audit.append(records.map((record) => ({ ...record, result: 'done' })));
    for (const order of ['newest', 'oldest'] as const) {
      const seen: (string | undefined)[] = [];
      let after: string | undefined;
      do {
        const page = { limit: 3, ...(after === undefined ? {} : { after }) };
        const { items, next } = await plane.audit.list({ ...page, action: 'paged', order });
        seen.push(...items.map(({ requestId }) => requestId));
        after = next;
      } while (after !== undefined);
      const expected = records.map(({ requestId }) => requestId);
      expect(seen).toEqual(order === 'oldest' ? expected : expected.reverse());
    }
  });

  it('is kept by the database itself: no change, no deletion of what is young, no emptying', async () => {
    await plane.audit.append([{ ...asked({ action: 'kept' }), result: 'done' }]);
    const refused = expect.objectContaining({ message: expect.stringMatching(/append only|younger than a day/) });
    await expect(postgres.query(`UPDATE audit SET actor = 'nobody'`, connection)).rejects.toEqual(refused);
    await expect(postgres.query(`UPDATE audit SET result = 'begun'`, connection)).rejects.toEqual(refused);
    await expect(postgres.query(`DELETE FROM audit WHERE action = 'kept'`, connection)).rejects.toEqual(refused);
    await expect(postgres.query('TRUNCATE audit', connection)).rejects.toEqual(refused);
    expect(await plane.audit.prune(Date.now() + DAY, 1000)).toBeGreaterThan(0);
    expect(await all({ action: 'kept' })).toHaveLength(1);
  });

  it('is pruned from its oldest end, by a bounded number', async () => {
    const at = Date.now() - 10 * DAY;
    const old = Array.from({ length: 5 }, (_, n) => asked({ action: 'old', at: at + n, requestId: String(n) }));
    await plane.audit.append(old.map((record) => ({ ...record, result: 'done' })));
    expect(await plane.audit.prune(at + 4, 3)).toBe(3);
    expect((await all({ action: 'old' })).map(({ requestId }) => requestId)).toEqual(['4', '3']);
    expect(await plane.audit.prune(at + 4, 3)).toBe(1);
    expect(await plane.audit.prune(at + 4, 3)).toBe(0);
  });

  it('keeps any text that a client can send', async () => {
    const odd = 'a\0b\u{1F600}\u202E';
    await plane.audit.append([{ ...asked({ resource: odd, action: 'odd' }), result: 'done', details: { name: odd } }]);
    const [record] = await all({ action: 'odd' });
    expect(record).toMatchObject({
      resource: odd.replace('\0', '\uFFFD'),
      details: { name: odd.replace('\0', '\uFFFD') },
    });
  });
});
