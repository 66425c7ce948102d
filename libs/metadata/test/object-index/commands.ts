import { expect } from '@jest/globals';
import fc from 'fast-check';
import type {
  BucketId,
  BucketState,
  KeyAddress,
  KeyChange,
  KeyDocument,
  ListOptions,
  ObjectIndex,
} from '#libs/metadata';
import { bucketDocument, bucketId, hidden, shown, text, writeId } from './documents.js';
import { IndexModel } from './model.js';

type Command = fc.AsyncCommand<IndexModel, ObjectIndex>;
const show = (name: string, ...parts: unknown[]): string =>
  `${name}(${parts.map((part) => JSON.stringify(part)).join(', ')})`;

/** Which version a change names: what the store holds, one of an earlier life or state, or that there is none. */
type Naming = 'right' | 'stale' | 'none';

function named(naming: Naming, held: number | undefined, seen: ReadonlySet<number> | undefined): number | null {
  if (naming === 'right') return held ?? null;
  if (naming === 'none') return null;
  return [...(seen ?? [])].find((version) => version !== held) ?? 1_000_000_007;
}

class ChangeKey implements Command {
  constructor(
    readonly address: KeyAddress,
    readonly naming: Naming,
    readonly next: KeyDocument | undefined,
    readonly condition: Pick<KeyChange, 'requireActive' | 'placedIn'>,
  ) {}
  check = (): boolean => true;
  async run(model: IndexModel, real: ObjectIndex): Promise<void> {
    const place = IndexModel.place(this.address);
    const held = model.documents.get(place);
    const expected = named(this.naming, held?.version, model.seen.get(place));
    const change = { expected, ...this.condition, ...(this.next && { next: this.next }) };
    const refusals = [
      ...((held?.version ?? null) === expected ? [] : ['version-conflict']),
      ...(this.isAllowed(model) ? [] : ['bucket-not-active']),
    ];
    const result = await real.changeKey(this.address, change);
    if (refusals.length > 0) {
      expect(refusals).toContain(result);
      return;
    }
    expect(result).toBe('changed');
    const after = await real.getKey(this.address);
    expect(after?.value).toStrictEqual(this.next);
    if (this.next === undefined || after === undefined) {
      model.documents.delete(place);
      return;
    }
    remember(model, place, after.version);
    model.documents.set(place, { address: this.address, document: this.next, version: after.version });
  }
  private isAllowed(model: IndexModel): boolean {
    const bucket = model.buckets.get(this.address.bucket)?.document;
    const { requireActive, placedIn } = this.condition;
    const kept = (bucket?.containers ?? [])
      .filter(({ retiring }) => !retiring)
      .map((entry) => entry.backend + entry.container);
    const isPlaced = placedIn === undefined || kept.includes(placedIn.backend + placedIn.container);
    return isPlaced && (!requireActive || bucket?.state === 'active');
  }
  toString = (): string =>
    show(
      'changeKey',
      this.address,
      this.naming,
      this.next === undefined ? 'remove' : this.next.revision,
      this.condition,
    );
}

class ChangeBucket implements Command {
  constructor(
    readonly id: BucketId,
    readonly naming: Naming,
    readonly state: BucketState | undefined,
    readonly name: string,
  ) {}
  check = (): boolean => true;
  async run(model: IndexModel, real: ObjectIndex): Promise<void> {
    const place = `bucket ${this.id}`;
    const held = model.buckets.get(this.id);
    const expected = named(this.naming, held?.version, model.seen.get(place));
    const name = held?.document.name ?? this.name;
    const next =
      this.state === undefined
        ? undefined
        : bucketDocument(this.id, { state: this.state, name, ownerId: `owner-${this.name}` });
    const isTaken = held === undefined && [...model.buckets.values()].some(({ document }) => document.name === name);
    const isRefused =
      (held?.version ?? null) !== expected ||
      (next === undefined ? held !== undefined && model.inBucket(this.id).length > 0 : isTaken);
    expect(await real.changeBucket(this.id, expected, next)).toBe(isRefused ? 'version-conflict' : 'changed');
    const after = await real.getBucket(this.id);
    if (isRefused) {
      expect(after).toStrictEqual(held && { value: held.document, version: held.version });
      return;
    }
    expect(after?.value).toStrictEqual(next);
    if (next === undefined || after === undefined) {
      model.buckets.delete(this.id);
      return;
    }
    remember(model, place, after.version);
    model.buckets.set(this.id, { document: next, version: after.version });
  }
  toString = (): string => show('changeBucket', this.id, this.naming, this.state ?? 'remove', this.name);
}

/** A version that a document had before, in this life or an earlier one, would let a stale writer through. */
function remember(model: IndexModel, place: string, version: number): void {
  const seen = model.seen.get(place) ?? new Set<number>();
  expect(seen.has(version)).toBe(false);
  model.seen.set(place, seen.add(version));
}

class Read implements Command {
  constructor(
    readonly name: string,
    readonly asked: unknown,
    readonly compare: (model: IndexModel, real: ObjectIndex) => Promise<void>,
  ) {}
  check = (): boolean => true;
  run = (model: IndexModel, real: ObjectIndex): Promise<void> => this.compare(model, real);
  toString = (): string => show(this.name, this.asked);
}

const bucket = fc.constantFrom('b', 'b1', 'c').map(bucketId);
const key = fc.oneof(
  fc.constantFrom('a', 'a/', 'a/1', 'a/2', 'a//', 'b', '\uff5e', '\u{1f600}/x', '\u{1f600}'),
  text.filter((word) => word !== ''),
);
const address = fc.record({ bucket, key });
const naming = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Naming>('right') },
  { weight: 2, arbitrary: fc.constantFrom<Naming>('stale', 'none') },
);
const leased = (size: number): KeyDocument => ({ ...shown(size), lease: { holder: writeId('w'), heartbeat: size } });
const document = fc.oneof(fc.nat(99).map(shown), fc.nat(99).map(hidden), fc.nat(99).map(leased));
const limit = fc.integer({ min: 0, max: 5 });
const listOptions: fc.Arbitrary<ListOptions> = fc.record(
  {
    prefix: fc.oneof(text, key),
    delimiter: fc.oneof(fc.constantFrom('/', '//', 'a/'), text),
    marker: fc.oneof(text, key),
    limit,
  },
  { requiredKeys: ['limit'] },
);

const list = fc.tuple(bucket, listOptions).map(
  ([id, options]) =>
    new Read('list', [id, options], async (model, real) => {
      expect(await real.list(id, options)).toStrictEqual(model.list(id, options));
    }),
);
const scan = fc.tuple(bucket, fc.oneof(text, key), fc.oneof(text, key), limit).map(
  ([id, prefix, after, most]) =>
    new Read('scan', [id, prefix, after, most], async (model, real) => {
      const found = await real.scan(id, { prefix, after, limit: most });
      expect(found).toStrictEqual(model.scan(id, after, prefix).slice(0, most));
    }),
);
const pendingOptions = fc.record({ after: address, bucket, limit }, { requiredKeys: ['limit'] });
const listPending = pendingOptions.map(
  (options) =>
    new Read('listPending', options, async (model, real) => {
      const found = await real.listPending(options);
      expect(found).toStrictEqual(model.pending(options));
    }),
);
const listBuckets = fc
  .tuple(
    fc.constantFrom('', 'n', 'n1', '\u{1f600}', '\uffff'),
    fc.constantFrom(undefined, 'owner-n', 'owner-n1'),
    limit,
  )
  .map(
    ([after, ownerId, most]) =>
      new Read('listBuckets', [after, ownerId, most], async (model, real) => {
        const found = await real.listBuckets({ after, limit: most, ...(ownerId === undefined ? {} : { ownerId }) });
        expect(found).toStrictEqual(model.listBuckets(after, ownerId).slice(0, most));
      }),
  );
const bucketName = fc.constantFrom('n', 'n1', '\uff5e', '\u{1f600}');
const findBucket = bucketName.map(
  (name) =>
    new Read('findBucket', name, async (model, real) => {
      const held = [...model.buckets.values()].find((entry) => entry.document.name === name);
      expect(await real.findBucket(name)).toStrictEqual(held && { value: held.document, version: held.version });
    }),
);

const condition: fc.Arbitrary<Pick<KeyChange, 'requireActive' | 'placedIn'>> = fc.record(
  {
    requireActive: fc.boolean(),
    placedIn: fc.constantFrom({ backend: 'b-1', container: 'photos' }, { backend: 'b-2', container: 'photos' }),
  },
  { requiredKeys: ['requireActive'] },
);
const changeKey = fc
  .tuple(address, naming, fc.option(document, { nil: undefined, freq: 3 }), condition)
  .map(
    ([at, expected, next, asked]) =>
      new ChangeKey(at, expected, next, at.bucket === 'c' ? { requireActive: false } : asked),
  );
const changeBucket = fc
  .tuple(
    bucket,
    naming,
    fc.option(fc.constantFrom<BucketState>('active', 'deleting'), { nil: undefined, freq: 3 }),
    bucketName,
  )
  .map(([id, expected, state, name]) => new ChangeBucket(id, expected, state, name));

/** Every command of the port, readers and changers; changes come most often. */
export const allCommands: fc.Arbitrary<Command>[] = [
  ...[changeKey, changeKey, changeKey, changeKey, changeBucket],
  ...[list, list, scan, listPending, listBuckets, findBucket],
];
