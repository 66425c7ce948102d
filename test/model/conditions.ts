import fc from 'fast-check';
import { etagOf, type ModelObject, type Pairs } from './service-model.js';

/** A condition that is worked out when the request is made, by what stands at the key then. */
export type Condition =
  | { readonly on: 'match' | 'none-match'; readonly tag: 'current' | 'bare' | 'weak' | 'other' | 'list' | '*' }
  | { readonly on: 'modified' | 'unmodified'; readonly than: 'before' | 'at' | 'after' };

const OTHER = '00000000000000000000000000000000';
const NAMES = {
  match: 'if-match',
  'none-match': 'if-none-match',
  modified: 'if-modified-since',
  unmodified: 'if-unmodified-since',
} as const;

const tags: fc.Arbitrary<Condition> = fc.record({
  on: fc.constantFrom('match', 'none-match'),
  tag: fc.constantFrom('current', 'bare', 'weak', 'other', 'list', '*'),
});
const dates: fc.Arbitrary<Condition> = fc.record({
  on: fc.constantFrom('modified', 'unmodified'),
  than: fc.constantFrom('before', 'at', 'after'),
});

/** None mostly. Each header once. */
export const readConditions = several(fc.oneof(tags, dates), 2);
/** A write's conditions are ETags. */
export const writeConditions = several(tags, 1);

function several(one: fc.Arbitrary<Condition>, most: number): fc.Arbitrary<readonly Condition[]> {
  const some = fc.uniqueArray(one, { minLength: 1, maxLength: most, selector: ({ on }) => on });
  return fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 2, arbitrary: some });
}

/** The headers, as a client that knows the object would send them. `prefix` is that of a copy's source. */
export function headersOf(conditions: readonly Condition[], object: ModelObject | undefined, prefix = ''): Pairs {
  return Object.fromEntries(
    conditions.map((condition) => [
      prefix + NAMES[condition.on],
      'tag' in condition ? tagText(condition.tag, object) : dateText(condition.than, object),
    ]),
  );
}

function tagText(tag: Extract<Condition, { tag: string }>['tag'], object: ModelObject | undefined): string {
  const etag = object ? etagOf(object) : OTHER;
  switch (tag) {
    case 'current':
      return `"${etag}"`;
    case 'bare':
      return etag;
    case 'weak':
      return `W/"${etag}"`;
    case 'other':
      return `"${OTHER}"`;
    case 'list':
      return `"${OTHER}", "${etag}"`;
    case '*':
      return '*';
  }
}

function dateText(than: 'before' | 'at' | 'after', object: ModelObject | undefined): string {
  const second = Math.floor(Date.parse(object?.lastModified ?? '2026-01-01T00:00:00Z') / 1000);
  const shift = { before: -1, at: 0, after: 1 }[than];
  return new Date((second + shift) * 1000).toUTCString();
}

/** Whether a tag condition's list names the object; a weak one does so only for `none-match` (RFC 9110 section 8.8.3.2). */
function names(condition: Extract<Condition, { tag: string }>): boolean {
  if (condition.tag === 'other') return false;
  return condition.tag !== 'weak' || condition.on === 'none-match';
}

/** What a read of an object that is there comes to: RFC 9110 section 13.2.2. */
export function readVerdict(conditions: readonly Condition[]): 'goes on' | 'precondition-failed' | 'not-modified' {
  const by = new Map(conditions.map((condition) => [condition.on, condition]));
  const holds = (on: Condition['on']): boolean | undefined => {
    const condition = by.get(on);
    if (!condition) return undefined;
    if ('tag' in condition) return names(condition) === (on === 'match');
    return on === 'unmodified' ? condition.than !== 'before' : condition.than === 'before';
  };
  if ((holds('match') ?? holds('unmodified')) === false) return 'precondition-failed';
  if ((holds('none-match') ?? holds('modified')) === false) return 'not-modified';
  return 'goes on';
}

/** Whether a write may go on. Where nothing stands, `If-Match` fails and `If-None-Match` holds. */
export function writeMayGoOn(conditions: readonly Condition[], isThere: boolean): boolean {
  return conditions.every((condition) => {
    if (!('tag' in condition)) throw new Error('a write has no conditions on dates');
    return condition.on === 'match' ? isThere && names(condition) : !(isThere && names(condition));
  });
}
