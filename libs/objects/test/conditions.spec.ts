import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { KeyDocument, ObjectRecord, WriteId } from '#libs/metadata';
import { isObjectsError, resolveRange, type Conditions, type RangeRequest } from '../src/index.js';
import { assertReadConditions, writeGuard } from '../src/reading/conditions.js';

function recordOf(etag: string, lastModified: number, size = 1): ObjectRecord {
  const placement = {
    backend: 'm1',
    container: 'box',
    key: 'k',
    storageClass: '',
    token: 't',
    writeId: 'w' as WriteId,
  };
  return { size, etag, checksums: {}, headers: {}, metadata: {}, tags: {}, lastModified, placement };
}

function verdict(check: () => void): string {
  try {
    check();
    return 'ok';
  } catch (error) {
    return isObjectsError(error) ? error.code : String(error);
  }
}

const etags = fc.constantFrom('aa', 'bb', 'cc');
const lists = fc.option(fc.array(fc.oneof(etags, fc.constant('*')), { maxLength: 3 }), { nil: undefined });
const dates = fc.option(
  fc.integer({ min: 0, max: 5 }).map((seconds) => seconds * 1000),
  { nil: undefined },
);
const conditions = fc
  .record({ ifMatch: lists, ifNoneMatch: lists, ifModifiedSince: dates, ifUnmodifiedSince: dates })
  .map((all) => Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Conditions);

/** RFC 9110 section 13.2.2, step by step as it is written there. */
function byTheBook(conditions: Conditions, record: ObjectRecord | undefined, method: 'GET' | 'PUT'): string {
  const has = (list: readonly string[]): boolean =>
    record !== undefined && list.some((tag) => tag === '*' || tag === record.etag);
  const modified = record && Math.floor(record.lastModified / 1000) * 1000;
  if (conditions.ifMatch !== undefined) {
    if (!has(conditions.ifMatch)) return 'precondition-failed';
  } else if (conditions.ifUnmodifiedSince !== undefined && modified !== undefined) {
    if (!(modified <= conditions.ifUnmodifiedSince)) return 'precondition-failed';
  }
  if (conditions.ifNoneMatch !== undefined) {
    if (has(conditions.ifNoneMatch)) return method === 'GET' ? 'not-modified' : 'precondition-failed';
  } else if (method === 'GET' && conditions.ifModifiedSince !== undefined && modified !== undefined) {
    if (!(modified > conditions.ifModifiedSince)) return 'not-modified';
  }
  return 'ok';
}

describe('conditional requests', () => {
  it('of reads follow the precedence of RFC 9110 section 13.2.2', () => {
    fc.assert(
      fc.property(conditions, etags, fc.integer({ min: 0, max: 5_999 }), (wanted, etag, at) => {
        const record = recordOf(etag, at);
        expect(verdict(() => assertReadConditions(record, wanted))).toBe(byTheBook(wanted, record, 'GET'));
      }),
    );
  });

  it('of writes follow it too, on a key with an object and on one without', () => {
    const current = fc.option(fc.tuple(etags, fc.integer({ min: 0, max: 5_999 })), { nil: undefined });
    fc.assert(
      fc.property(conditions, current, (wanted, there) => {
        const record = there && recordOf(...there);
        const document: KeyDocument = { revision: 1, intents: [], garbage: [], ...(record ? { current: record } : {}) };
        expect(verdict(() => writeGuard(wanted)?.(document))).toBe(byTheBook(wanted, record, 'PUT'));
      }),
    );
  });
});

describe('a range', () => {
  const requests: fc.Arbitrary<RangeRequest> = fc.oneof(
    fc.record({ last: fc.nat(12) }),
    fc.record({ from: fc.nat(12) }),
    fc.record({ from: fc.nat(12), to: fc.nat(12) }),
  );

  it('means the bytes a naive reader would count out, or is refused where there are none', () => {
    fc.assert(
      fc.property(requests, fc.nat(10), (request, size) => {
        const positions = Array.from({ length: size }, (_, position) => position);
        const meant =
          'last' in request
            ? positions.slice(request.last === 0 ? size : -request.last)
            : positions.filter((at) => at >= request.from && at <= (request.to ?? size));
        if (meant.length === 0) expect(verdict(() => resolveRange(request, size))).toBe('invalid-range');
        else expect(resolveRange(request, size)).toEqual({ start: meant[0], end: meant.at(-1) });
      }),
    );
  });
});
