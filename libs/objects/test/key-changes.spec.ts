import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Intent, KeyDocument, ObjectRecord, Placement, WriteId } from '#libs/metadata';
import {
  commit,
  findIntent,
  isSamePlace,
  isSameWrite,
  tidy,
  withGarbage,
  withIntent,
  withoutIntent,
} from '../src/mutation/key-changes.js';

const placements: fc.Arbitrary<Placement> = fc.record({
  backend: fc.constantFrom('m1', 'm2'),
  container: fc.constantFrom('box', 'bin'),
  key: fc.constant('k'),
  storageClass: fc.constant('STANDARD'),
  token: fc.constantFrom('t1', 't2', 't3', 't4'),
  writeId: fc.constantFrom('w1', 'w2', 'w3').map((id) => id as WriteId),
});

function recordAt(placement: Placement): ObjectRecord {
  return { size: 1, etag: 'e', checksums: {}, headers: {}, metadata: {}, tags: {}, lastModified: 0, placement };
}

function intentOf(writeId: string, placement: Placement): Intent {
  const candidate = recordAt({ ...placement, token: '', writeId: writeId as WriteId });
  return { writeId: writeId as WriteId, kind: 'put', candidate, baseRevision: 0, heartbeat: 0 };
}

const documents: fc.Arbitrary<KeyDocument> = fc
  .record({
    current: fc.option(placements, { nil: undefined }),
    garbage: fc.array(placements, { maxLength: 4 }),
    revision: fc.nat(9),
    intents: fc.subarray(['w1', 'w2']),
    lease: fc.option(fc.constantFrom('w1', 'w2'), { nil: undefined }),
    at: placements,
  })
  .map(({ current, garbage, revision, intents, lease, at }) => {
    let document: KeyDocument = {
      revision,
      intents: intents.map((id) => intentOf(id, at)),
      garbage: [],
      ...(current ? { current: recordAt(current) } : {}),
      ...(lease ? { lease: { holder: lease as WriteId, heartbeat: 0 } } : {}),
    };
    for (const placement of garbage) document = withGarbage(document, { placement, notBefore: 1 });
    return document;
  });

function placementsOf({ current, garbage }: KeyDocument): Placement[] {
  return [...(current ? [current.placement] : []), ...garbage.map((item) => item.placement)];
}

describe('a commit', () => {
  it('loses no placement: each is current, garbage, or replaced by the new bytes at its very place (invariant 3)', () => {
    fc.assert(
      fc.property(documents, fc.option(placements, { nil: undefined }), fc.boolean(), (before, next, coexist) => {
        const change = { coexist, garbageFrom: 7, ...(next ? { record: recordAt(next) } : {}) };
        const after = commit(before, change);
        for (const placement of placementsOf(before)) {
          const isNamed = placementsOf(after).some((other) => isSameWrite(other, placement));
          const isReplaced = next !== undefined && !coexist && isSamePlace(next, placement);
          expect(isNamed || isReplaced).toBe(true);
        }
      }),
    );
  });

  it('never calls the current bytes garbage, raises the revision by one, and names nothing new', () => {
    fc.assert(
      fc.property(documents, fc.option(placements, { nil: undefined }), fc.boolean(), (before, next, coexist) => {
        const after = commit(before, { coexist, garbageFrom: 7, ...(next ? { record: recordAt(next) } : {}) });
        expect(after.revision).toBe(before.revision + 1);
        expect(after.current?.placement).toEqual(next);
        for (const { placement } of after.garbage) {
          expect(next !== undefined && isSameWrite(next, placement)).toBe(false);
          expect(placementsOf(before).some((other) => isSameWrite(other, placement))).toBe(true);
        }
        const kept = after.garbage.length;
        const distinct = after.garbage.filter(
          (item, i) => after.garbage.findIndex((other) => isSameWrite(other.placement, item.placement)) === i,
        );
        expect(distinct).toHaveLength(kept);
      }),
    );
  });

  it('closes its own intent and lease, and no other', () => {
    fc.assert(
      fc.property(documents, placements, fc.constantFrom('w1', 'w2'), (before, next, id) => {
        const writeId = id as WriteId;
        const after = commit(before, { record: recordAt(next), writeId, coexist: true, garbageFrom: 7 });
        expect(findIntent(after, writeId)).toBeUndefined();
        expect(after.intents).toEqual(before.intents.filter((intent) => intent.writeId !== writeId));
        expect(after.lease).toEqual(before.lease?.holder === writeId ? undefined : before.lease);
      }),
    );
  });
});

describe('a key document', () => {
  it('is as before once an intent was opened and closed, and is kept exactly while it holds something', () => {
    fc.assert(
      fc.property(documents, placements, fc.boolean(), (before, at, lease) => {
        fc.pre(!lease || before.lease === undefined);
        const opened = withIntent(before, intentOf('w9', at), lease);
        expect(tidy(opened)).toBe(opened);
        expect(withoutIntent(opened, 'w9' as WriteId)).toEqual(before);
        const { current, lease: held, intents, garbage } = before;
        const isEmpty = !current && !held && intents.length + garbage.length === 0;
        expect(tidy(before)).toBe(isEmpty ? undefined : before);
      }),
    );
  });
});
