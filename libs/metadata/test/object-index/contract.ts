import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ChangeResult, KeyDocument, Listing, ListOptions, ObjectIndex } from '#libs/metadata';
import { allCommands } from './commands.js';
import { anyBucket, anyDocument, anyKey, bucketDocument, bucketId, hidden, shown, text } from './documents.js';
import { IndexModel } from './model.js';

/** How much a suite may do: a store that is slow by nature runs fewer and smaller rounds. */
export interface ContractScale {
  /** Random runs of a property. */
  readonly runs: number;
  /** Commands in one run, and keys in one listing. */
  readonly size: number;
}

const BUCKET = bucketId('bucket-1');

/**
 * The contract of `ObjectIndex`, through the port only, so that it runs on any store. `open` gives an empty index; the suite closes it.
 */
export function describeObjectIndexContract(
  name: string,
  open: () => Promise<ObjectIndex>,
  scale: ContractScale = { runs: 100, size: 40 },
): void {
  describe(`the object index on ${name}`, () => {
    let index: ObjectIndex;
    beforeEach(async () => {
      index = await open();
    });
    afterEach(() => index.close());

    const put = async (key: string, next: KeyDocument): Promise<ChangeResult> => {
      const stored = await index.getKey({ bucket: BUCKET, key });
      return index.changeKey(
        { bucket: BUCKET, key },
        { expected: stored?.version ?? null, next, requireActive: false },
      );
    };
    const version = async (key: string): Promise<number> => {
      const stored = await index.getKey({ bucket: BUCKET, key });
      if (stored === undefined) throw new Error(`expected a document under ${key}`);
      return stored.version;
    };

    it('does as the model does, whatever is asked of it', async () => {
      await fc.assert(
        fc.asyncProperty(fc.commands(allCommands, { maxCommands: scale.size, size: 'max' }), async (commands) => {
          const fresh = await open();
          try {
            await fc.asyncModelRun(() => ({ model: new IndexModel(), real: fresh }), commands);
          } finally {
            await fresh.close();
          }
        }),
        { numRuns: scale.runs },
      );
    }, 300_000);

    it('gives every document back as it was, absent fields absent', async () => {
      await fc.assert(
        fc.asyncProperty(anyKey, anyDocument, async (key, document) => {
          expect(await put(key, document)).toBe('changed');
          expect((await index.getKey({ bucket: BUCKET, key }))?.value).toStrictEqual(document);
        }),
        { numRuns: scale.runs },
      );
    });

    it('gives every bucket document back as it was', async () => {
      await fc.assert(
        fc.asyncProperty(anyBucket(BUCKET, 'the-name'), async (document) => {
          const stored = await index.getBucket(BUCKET);
          expect(await index.changeBucket(BUCKET, stored?.version ?? null, document)).toBe('changed');
          expect((await index.getBucket(BUCKET))?.value).toStrictEqual(document);
          expect((await index.findBucket('the-name'))?.value).toStrictEqual(document);
        }),
        { numRuns: scale.runs },
      );
    });

    describe('listing (A2.7)', () => {
      const pages = async (options: ListOptions, between?: () => Promise<void>): Promise<Listing[]> => {
        const all: Listing[] = [];
        let marker = options.marker ?? '';
        for (;;) {
          const page = await index.list(BUCKET, { ...options, marker });
          all.push(page);
          if (!page.isTruncated) return all;
          marker = String(page.nextMarker);
          await between?.();
        }
      };

      it('orders keys by UTF-8 bytes and pages through each exactly once', async () => {
        const keys = fc.uniqueArray(anyKey, { maxLength: scale.size });
        const asked = fc.record({ prefix: text, delimiter: fc.oneof(text, fc.constant('/')), marker: text });
        await fc.assert(
          fc.asyncProperty(keys, asked, fc.integer({ min: 1, max: 7 }), async (all, options, limit) => {
            const fresh = await open();
            try {
              const model = new IndexModel();
              for (const [at, key] of all.entries()) {
                const next = at % 4 === 3 ? hidden(at) : shown(at);
                await fresh.changeKey({ bucket: BUCKET, key }, { expected: null, next, requireActive: false });
                model.documents.set(key, { address: { bucket: BUCKET, key }, document: next, version: 0 });
              }
              let marker = options.marker;
              for (let more = true; more;) {
                const page = await fresh.list(BUCKET, { ...options, marker, limit });
                expect(page).toStrictEqual(model.list(BUCKET, { ...options, marker, limit }));
                more = page.isTruncated;
                marker = page.nextMarker ?? '';
              }
            } finally {
              await fresh.close();
            }
          }),
          { numRuns: scale.runs },
        );
      }, 300_000);

      it('shows keys that stay exactly once while others come and go between the pages', async () => {
        const staying = Array.from({ length: scale.size }, (_, at) => `stay/${String(at).padStart(4, '0')}`);
        for (const [at, key] of staying.entries()) await put(key, shown(at));
        let round = 0;
        const change = async (): Promise<void> => {
          const at = String(++round).padStart(4, '0');
          await put(`stay/${at}!new`, shown(round));
          await put(`early-${at}`, shown(round));
          const older = `stay/${String(round - 2).padStart(4, '0')}!new`;
          const stored = await index.getKey({ bucket: BUCKET, key: older });
          if (stored)
            await index.changeKey({ bucket: BUCKET, key: older }, { expected: stored.version, requireActive: false });
        };
        const found = (await pages({ limit: 3 }, change)).flatMap(({ keys }) => keys.map(({ key }) => key));
        expect(found.filter((key) => staying.includes(key))).toStrictEqual(staying);
        expect(new Set(found).size).toBe(found.length);
      });

      it('counts keys and common prefixes alike and tells exactly whether more is to come', async () => {
        for (const key of ['a', 'b/1', 'b/2', 'c', 'd/1']) await put(key, shown(1));
        await put('e', hidden(1));
        const names = (page: Listing): string[] => [...page.keys.map(({ key }) => key), ...page.commonPrefixes].sort();
        const first = await index.list(BUCKET, { delimiter: '/', limit: 2 });
        expect([names(first), first.isTruncated, first.nextMarker]).toStrictEqual([['a', 'b/'], true, 'b/']);
        const second = await index.list(BUCKET, { delimiter: '/', limit: 2, marker: 'b/' });
        expect([names(second), second.isTruncated, second.nextMarker]).toStrictEqual([['c', 'd/'], false, undefined]);
        expect(await index.list(BUCKET, { limit: 0 })).toStrictEqual({
          keys: [],
          commonPrefixes: [],
          isTruncated: false,
        });
      });

      it('goes on after a common prefix when the marker lies under it', async () => {
        for (const key of ['b/1', 'b/2', 'c']) await put(key, shown(1));
        const page = await index.list(BUCKET, { delimiter: '/', marker: 'b/1', limit: 10 });
        expect([page.keys.map(({ key }) => key), page.commonPrefixes]).toStrictEqual([['c'], []]);
      });

      it('takes prefixes and markers that are longer than any key', async () => {
        await put('a', shown(1));
        await put('é', shown(2));
        const long = '€'.repeat(2000);
        expect((await index.list(BUCKET, { prefix: long, limit: 10 })).keys).toStrictEqual([]);
        expect((await index.list(BUCKET, { marker: `a${long}`, limit: 10 })).keys.map(({ key }) => key)).toStrictEqual([
          'é',
        ]);
        expect((await index.list(BUCKET, { marker: `${long}/x`, delimiter: '/', limit: 10 })).keys).toStrictEqual([]);
        expect((await index.scan(BUCKET, { after: `a${long}`, limit: 10 })).map(({ key }) => key)).toStrictEqual(['é']);
      });

      it('keeps buckets apart whose ids begin alike', async () => {
        const [short, long] = [bucketId('x'), bucketId('x1')];
        await index.changeKey({ bucket: short, key: '1k' }, { expected: null, next: hidden(1), requireActive: false });
        await index.changeKey({ bucket: long, key: 'k' }, { expected: null, next: hidden(2), requireActive: false });
        expect((await index.scan(short, { limit: 9 })).map(({ key }) => key)).toStrictEqual(['1k']);
        expect((await index.scan(long, { limit: 9 })).map(({ key }) => key)).toStrictEqual(['k']);
        expect((await index.listPending({ bucket: short, limit: 9 })).map(({ key }) => key)).toStrictEqual(['1k']);
      });

      it.each([-1, 1001, 1.5, Number.NaN])('refuses a limit of %d', async (limit) => {
        await expect(index.list(BUCKET, { limit })).rejects.toThrow(RangeError);
      });

      it.each(['prefix', 'marker', 'delimiter'])('refuses a %s that is not well-formed', async (part) => {
        await expect(index.list(BUCKET, { [part]: '\ud800', limit: 1 })).rejects.toThrow(/well-formed/);
      });
    });

    describe('changing a key', () => {
      it('lets exactly one of many changes with the same expectation win', async () => {
        await put('k', shown(0));
        for (const round of [1, 2, 3]) {
          const expected = round === 1 ? await version('k') : await version('k');
          const results = await Promise.all(
            Array.from({ length: 20 }, (_, at) =>
              index.changeKey(
                { bucket: BUCKET, key: 'k' },
                { expected, next: shown(round * 100 + at), requireActive: false },
              ),
            ),
          );
          expect(results.filter((result) => result === 'changed')).toHaveLength(1);
          const winner = results.indexOf('changed');
          expect((await index.getKey({ bucket: BUCKET, key: 'k' }))?.value.current?.size).toBe(round * 100 + winner);
        }
      });

      it('lets exactly one of many creations win', async () => {
        const results = await Promise.all(
          Array.from({ length: 20 }, (_, at) =>
            index.changeKey({ bucket: BUCKET, key: 'new' }, { expected: null, next: shown(at), requireActive: false }),
          ),
        );
        expect(results.filter((result) => result === 'changed')).toHaveLength(1);
      });

      it('never takes a document made again for the one that was there', async () => {
        await put('k', shown(1));
        const old = await version('k');
        await index.changeKey({ bucket: BUCKET, key: 'k' }, { expected: old, requireActive: false });
        await put('k', shown(1));
        const stale = { expected: old, next: shown(2), requireActive: false };
        expect(await index.changeKey({ bucket: BUCKET, key: 'k' }, stale)).toBe('version-conflict');
      });

      it('loses no increment of many writers who retry', async () => {
        await put('counter', shown(0));
        const increment = async (): Promise<void> => {
          for (;;) {
            const stored = await index.getKey({ bucket: BUCKET, key: 'counter' });
            const next = shown((stored?.value.current?.size ?? 0) + 1);
            const change = { expected: stored?.version ?? null, next, requireActive: false };
            if ((await index.changeKey({ bucket: BUCKET, key: 'counter' }, change)) === 'changed') return;
          }
        };
        await Promise.all(Array.from({ length: 10 }, increment));
        expect((await index.getKey({ bucket: BUCKET, key: 'counter' }))?.value.current?.size).toBe(10);
      });

      it('checks in the same step that the bucket is active', async () => {
        const change = { expected: null, next: shown(1), requireActive: true };
        expect(await index.changeKey({ bucket: BUCKET, key: 'k' }, change)).toBe('bucket-not-active');
        await index.changeBucket(BUCKET, null, bucketDocument(BUCKET));
        const bucket = await index.getBucket(BUCKET);
        const many = Array.from({ length: 20 }, (_, at) => index.changeKey({ bucket: BUCKET, key: `k${at}` }, change));
        const deleting = index.changeBucket(
          BUCKET,
          bucket?.version ?? null,
          bucketDocument(BUCKET, { state: 'deleting' }),
        );
        const later = deleting.then(() => index.changeKey({ bucket: BUCKET, key: 'late' }, change));
        const results = await Promise.all(many);
        expect([await deleting, await later]).toStrictEqual(['changed', 'bucket-not-active']);
        const there = (await index.scan(BUCKET, { limit: 100 })).length;
        expect(there).toBe(results.filter((result) => result === 'changed').length);
      });

      it('checks in the same step that the bucket keeps the container the bytes are in', async () => {
        const containers = [
          { backend: 'b-1', container: 'photos', marker: 'm-1' },
          { backend: 'b-2', container: 'old', marker: 'm-2', retiring: true as const },
        ];
        const into = (key: string, backend: string, container: string): Promise<ChangeResult> =>
          index.changeKey(
            { bucket: BUCKET, key },
            { expected: null, next: shown(1), requireActive: false, placedIn: { backend, container } },
          );
        expect(await into('early', 'b-1', 'photos')).toBe('bucket-not-active');
        await index.changeBucket(BUCKET, null, bucketDocument(BUCKET, { containers, state: 'deleting' }));
        expect(await into('kept', 'b-1', 'photos')).toBe('changed');
        expect(await into('retiring', 'b-2', 'old')).toBe('bucket-not-active');
        expect(await into('other-backend', 'b-2', 'photos')).toBe('bucket-not-active');
        expect(await into('unknown', 'b-1', 'old')).toBe('bucket-not-active');
        expect((await index.scan(BUCKET, { limit: 10 })).map(({ key }) => key)).toStrictEqual(['kept']);

        const many = Array.from({ length: 20 }, (_, at) => into(`k${at}`, 'b-1', 'photos'));
        const bucket = await index.getBucket(BUCKET);
        const retired = containers.map((entry) => ({ ...entry, retiring: true as const }));
        const next = bucketDocument(BUCKET, { containers: retired });
        const retiring = index.changeBucket(BUCKET, bucket?.version ?? null, next);
        const late = retiring.then(() => into('late', 'b-1', 'photos'));
        const made = (await Promise.all(many)).filter((result) => result === 'changed').length;
        expect([await retiring, await late]).toStrictEqual(['changed', 'bucket-not-active']);
        expect(await index.scan(BUCKET, { limit: 100 })).toHaveLength(1 + made);
      });

      it('refuses keys that have no UTF-8 form or no character, and ids that would run into the key', async () => {
        const change = { expected: null, next: shown(1), requireActive: false };
        await expect(index.changeKey({ bucket: BUCKET, key: 'a\ud800' }, change)).rejects.toThrow(/well-formed/);
        await expect(index.changeKey({ bucket: BUCKET, key: '' }, change)).rejects.toThrow(TypeError);
        await expect(index.changeKey({ bucket: bucketId('a\0b'), key: 'k' }, change)).rejects.toThrow(TypeError);
      });
    });

    describe('buckets', () => {
      it('gives a name to one bucket only, also when many ask at once', async () => {
        const ids = ['1', '2', '3', '4', '5'];
        const results = await Promise.all(
          ids.map((id) => index.changeBucket(bucketId(id), null, bucketDocument(id, { name: 'wanted' }))),
        );
        expect(results.filter((result) => result === 'changed')).toHaveLength(1);
        expect((await index.findBucket('wanted'))?.value.id).toBe(ids[results.indexOf('changed')]);
        expect(await index.listBuckets({ limit: 10 })).toHaveLength(1);
      });

      it('frees the name with the bucket, and does not take the next owner of it for the old', async () => {
        await index.changeBucket(BUCKET, null, bucketDocument(BUCKET, { name: 'n' }));
        const old = (await index.getBucket(BUCKET))?.version ?? null;
        expect(await index.changeBucket(BUCKET, old, undefined)).toBe('changed');
        expect(await index.findBucket('n')).toBeUndefined();
        expect(await index.changeBucket(BUCKET, null, bucketDocument(BUCKET, { name: 'n' }))).toBe('changed');
        expect(await index.changeBucket(BUCKET, old, undefined)).toBe('version-conflict');
      });

      it('is not removed while any key document is left, shown or not', async () => {
        await index.changeBucket(BUCKET, null, bucketDocument(BUCKET));
        const expected = (await index.getBucket(BUCKET))?.version ?? null;
        await put('k', hidden(1));
        expect(await index.changeBucket(BUCKET, expected, undefined)).toBe('version-conflict');
        await index.changeKey({ bucket: BUCKET, key: 'k' }, { expected: await version('k'), requireActive: false });
        expect(await index.changeBucket(BUCKET, expected, undefined)).toBe('changed');
      });

      it('cannot be renamed, nor stored under the id of another', async () => {
        await index.changeBucket(BUCKET, null, bucketDocument(BUCKET));
        const expected = (await index.getBucket(BUCKET))?.version ?? null;
        await expect(index.changeBucket(BUCKET, expected, bucketDocument(BUCKET, { name: 'other' }))).rejects.toThrow(
          TypeError,
        );
        await expect(index.changeBucket(bucketId('2'), null, bucketDocument('3'))).rejects.toThrow(TypeError);
        expect((await index.getBucket(BUCKET))?.version).toBe(expected);
      });
    });

    it('answers a ping while it is open, and says that it is closed afterwards', async () => {
      expect(await index.ping()).toBe(true);
      await index.close();
      expect(await index.ping()).toBe(false);
      await expect(index.getKey({ bucket: BUCKET, key: 'k' })).rejects.toMatchObject({ kind: 'unavailable' });
      await expect(put('k', shown(1))).rejects.toMatchObject({ kind: 'unavailable' });
      await expect(index.list(BUCKET, { limit: 1 })).rejects.toMatchObject({ kind: 'unavailable' });
    });
  });
}
