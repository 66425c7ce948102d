import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { NewAuditRecord } from '#libs/metadata';
import { RefusalBuffer, SEVERAL } from '../src/audit/refusal-buffer.js';

const refusal = (source: number, resource: number, more: Partial<NewAuditRecord> = {}): NewAuditRecord => ({
  at: 1,
  action: 'getObject',
  resource: `/v1/b/${resource}`,
  remoteAddress: `10.0.0.${source}`,
  result: 'refused',
  status: 403,
  ...more,
});

const sum = (records: readonly NewAuditRecord[]): number => records.reduce((all, { count = 1 }) => all + count, 0);

describe('refusals that wait to be written', () => {
  it('are each counted exactly once, whatever comes, and are few', () => {
    const flood = fc.array(fc.tuple(fc.nat(60), fc.nat(200), fc.constantFrom(401, 403)), { maxLength: 6_000 });
    fc.assert(
      fc.property(flood, fc.nat(3), (requests, lost) => {
        const buffer = new RefusalBuffer();
        for (const [source, resource, status] of requests) buffer.add(refusal(source, resource, { status }));
        for (let turn = 0; turn < lost; turn += 1) {
          const { records, dropped } = buffer.take();
          for (const record of records) buffer.add(record);
          buffer.drop(dropped);
        }
        const { records, dropped } = buffer.take();
        expect(sum(records) + dropped).toBe(requests.length);
        expect(records.length).toBeLessThanOrEqual(2_000);
        const sources = Map.groupBy(records, ({ remoteAddress }) => remoteAddress);
        for (const ofSource of sources.values()) expect(ofSource.length).toBeLessThanOrEqual(51);
        expect(buffer.take()).toEqual({ records: [], dropped: 0 });
      }),
      { numRuns: 60 },
    );
  });

  it('are told apart by who, what and answer, and summed beyond fifty of a source', () => {
    const buffer = new RefusalBuffer();
    for (let n = 0; n < 60; n += 1) buffer.add(refusal(1, n));
    buffer.add(refusal(1, 0));
    buffer.add(refusal(2, 0, { accessKey: 'K' }));
    buffer.add(refusal(2, 0));
    const { records } = buffer.take();
    expect(records).toHaveLength(53);
    expect(records.find(({ resource }) => resource === '/v1/b/0')).toMatchObject({ count: 2 });
    expect(records.find(({ action }) => action === SEVERAL)).toMatchObject({ count: 10, remoteAddress: '10.0.0.1' });
  });

  it('that find no room at all are counted as dropped', () => {
    const buffer = new RefusalBuffer();
    for (let n = 0; n < 2_500; n += 1) buffer.add(refusal(n, 0));
    expect(buffer.add(refusal(9_999, 0))).toBe(false);
    const { records, dropped } = buffer.take();
    expect([records.length, dropped]).toEqual([2_000, 501]);
  });
});
