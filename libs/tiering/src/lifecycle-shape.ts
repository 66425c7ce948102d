import type { LifecycleFilter, LifecycleMoment, LifecycleRule, LifecycleTransition } from './lifecycle-rules.js';

/** One thing wrong with a set of rules: where, as `rules[2].transitions[0].storageClass`, and what was expected. */
export interface LifecycleViolation {
  readonly path: string;
  readonly message: string;
}

/** Takes down one violation; reading goes on, so that a client hears of everything at once. */
export type Note = (path: string, message: string) => void;

type Fields = Record<string, unknown>;

const MIDNIGHT = /^(\d{4}-\d{2}-\d{2})(T00:00(:00(\.0{1,9})?)?(Z|[+-]00:?00))?$/;
const MAX_DAYS = 2_147_483_647;
const MOMENT = ['days', 'date'] as const;

/**
 * Reads one rule from JSON that nobody has checked. A field it does not know is refused, since a misspelt `prefix` would
 * otherwise make a rule about every object. Undefined when what is there cannot stand as a rule; `note` then said why.
 */
export function readRule(value: unknown, path: string, note: Note): LifecycleRule | undefined {
  const given = fieldsOf(value, path, note, ['id', 'enabled', 'filter', 'expiration', 'transitions']);
  if (!given) return undefined;
  const id = readId(given['id'], `${path}.id`, note);
  const enabled = given['enabled'];
  if (typeof enabled !== 'boolean') note(`${path}.enabled`, 'expected true or false');
  const filter = readFilter(given['filter'], `${path}.filter`, note);
  const expiration = given['expiration'] === undefined ? undefined : readExpiration(given, path, note);
  const transitions = readTransitions(given['transitions'], `${path}.transitions`, note);
  if (given['expiration'] === undefined && transitions?.length === 0) {
    note(path, 'a rule needs an expiration or at least one transition');
  }
  if (id === undefined || typeof enabled !== 'boolean' || !filter || !transitions) return undefined;
  return {
    id,
    enabled,
    filter,
    ...(expiration && { expiration }),
    ...(transitions.length > 0 && { transitions }),
  };
}

function readId(value: unknown, path: string, note: Note): string | undefined {
  if (typeof value === 'string' && value.length >= 1 && value.length <= 255) return value;
  note(path, 'expected a text of 1 to 255 characters');
  return undefined;
}

function readFilter(value: unknown, path: string, note: Note): LifecycleFilter | undefined {
  const given = fieldsOf(value, path, note, ['prefix', 'tags', 'sizeFrom', 'sizeTo']);
  if (!given) return undefined;
  const prefix = given['prefix'];
  const prefixGood = typeof prefix === 'string' && Buffer.byteLength(prefix) <= 1024;
  if (prefix !== undefined && !prefixGood) note(`${path}.prefix`, 'expected a text of at most 1024 bytes');
  const tags = given['tags'] === undefined ? undefined : readTags(given['tags'], `${path}.tags`, note);
  const sizeFrom = readSize(given['sizeFrom'], `${path}.sizeFrom`, note);
  const sizeTo = readSize(given['sizeTo'], `${path}.sizeTo`, note);
  if (sizeFrom !== undefined && sizeTo !== undefined && sizeFrom > sizeTo) {
    note(`${path}.sizeTo`, `expected at least sizeFrom (${sizeFrom}), not ${sizeTo}: no object would match`);
  }
  return {
    ...(prefixGood && { prefix }),
    ...(tags && { tags }),
    ...(sizeFrom !== undefined && { sizeFrom }),
    ...(sizeTo !== undefined && { sizeTo }),
  };
}

function readTags(value: unknown, path: string, note: Note): Record<string, string> | undefined {
  const given = fieldsOf(value, path, note);
  if (!given) return undefined;
  const tags: [string, string][] = [];
  for (const [name, wanted] of Object.entries(given)) {
    if (typeof wanted === 'string' && name !== '') tags.push([name, wanted]);
    else note(`${path}.${name}`, 'expected a tag with a name and a text value');
  }
  return Object.fromEntries(tags);
}

function readSize(value: unknown, path: string, note: Note): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  note(path, 'expected a whole number of bytes, 0 or more');
  return undefined;
}

function readExpiration(rule: Fields, path: string, note: Note): LifecycleMoment | undefined {
  const given = fieldsOf(rule['expiration'], `${path}.expiration`, note, MOMENT);
  return given && readMoment(given, `${path}.expiration`, note, 1);
}

function readTransitions(value: unknown, path: string, note: Note): readonly LifecycleTransition[] | undefined {
  if (value === undefined) return [];
  if (!Array.isArray(value)) {
    note(path, 'expected a list of transitions');
    return undefined;
  }
  const read = value.map((one: unknown, index) => readTransition(one, `${path}[${index}]`, note));
  const good = read.filter((one) => one !== undefined);
  return good.length === read.length ? good : undefined;
}

function readTransition(value: unknown, path: string, note: Note): LifecycleTransition | undefined {
  const given = fieldsOf(value, path, note, [...MOMENT, 'storageClass', 'tier', 'backend']);
  if (!given) return undefined;
  const moment = readMoment(given, path, note, 0);
  const { storageClass, tier, backend } = given;
  if ((storageClass === undefined) === (tier === undefined))
    note(path, 'expected exactly one of storageClass and tier');
  for (const [name, one] of Object.entries({ storageClass, tier, backend })) {
    if (one !== undefined && (typeof one !== 'string' || one === '')) note(`${path}.${name}`, 'expected a name');
  }
  if (!moment || (backend !== undefined && typeof backend !== 'string')) return undefined;
  const place = backend === undefined ? {} : { backend };
  if (typeof tier === 'string' && storageClass === undefined) return { ...moment, tier, ...place };
  if (typeof storageClass === 'string' && tier === undefined) return { ...moment, storageClass, ...place };
  return undefined;
}

function readMoment(given: Fields, path: string, note: Note, leastDays: number): LifecycleMoment | undefined {
  const { days, date } = given;
  if ((days === undefined) === (date === undefined)) {
    note(path, 'expected exactly one of days and date');
    return undefined;
  }
  if (days !== undefined) {
    if (typeof days === 'number' && Number.isInteger(days) && days >= leastDays && days <= MAX_DAYS) return { days };
    note(`${path}.days`, `expected a whole number of days from ${leastDays} to ${MAX_DAYS}`);
    return undefined;
  }
  const midnight = typeof date === 'string' ? midnightOf(date) : undefined;
  if (midnight === undefined) note(`${path}.date`, 'expected midnight UTC in ISO 8601, as 2027-01-31T00:00:00Z');
  return midnight === undefined ? undefined : { date: midnight };
}

/** The date in its one stored form, or undefined: Date.parse takes 31 February for a day in March, so the day is compared. */
function midnightOf(text: string): string | undefined {
  const day = MIDNIGHT.exec(text)?.[1];
  const instant = new Date(`${day ?? ''}T00:00:00.000Z`);
  if (day === undefined || Number.isNaN(instant.getTime())) return undefined;
  return instant.toISOString().startsWith(day) ? instant.toISOString() : undefined;
}

function fieldsOf(value: unknown, path: string, note: Note, known?: readonly string[]): Fields | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    note(path, 'expected an object');
    return undefined;
  }
  for (const name of Object.keys(value)) {
    if (known && !known.includes(name)) note(`${path}.${name}`, `unknown field; expected ${known.join(', ')}`);
  }
  return { ...value };
}
