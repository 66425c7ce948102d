import { resemblesGoogle } from './google-likeness.js';

/** One row of a vendor's table of bucket-name rules. `found` says what was wrong with a name that does not pass. */
export interface NameRule {
  readonly id: string;
  readonly source: string;
  readonly statement: string;
  /** A warning is a rule whose outcome only the vendor can know. */
  readonly severity: 'violation' | 'warning';
  readonly passes: (name: string) => boolean;
  readonly found: (name: string) => string;
}

/** A rule before a vendor has signed for it. */
export type UnsourcedRule = Omit<NameRule, 'source'>;

/** The rules as this source states them. */
export function statedBy(source: string, ...rules: readonly UnsourcedRule[]): readonly NameRule[] {
  return rules.map((rule) => ({ ...rule, source }));
}

/** A rule of one's own making; the other functions here are the ones that vendors have in common. */
export function rule(
  id: string,
  statement: string,
  passes: (name: string) => boolean,
  found: (name: string) => string,
): UnsourcedRule {
  return { id, statement, severity: 'violation', passes, found };
}

/** The same rule, as advice. */
export function asWarning(of: UnsourcedRule): UnsourcedRule {
  return { ...of, severity: 'warning' };
}

export function length(min: number, max: number): UnsourcedRule {
  return rule(
    'length',
    `${min} to ${max} characters`,
    (name) => name.length >= min && name.length <= max,
    (name) => `has ${name.length} characters`,
  );
}

/** Only these characters. `set` is the inside of a regular expression's brackets. */
export function characters(set: string, inWords: string): UnsourcedRule {
  const allowed = new RegExp(`^[${set}]*$`, 'u');
  const other = new RegExp(`[^${set}]`, 'gu');
  return rule(
    'characters',
    `only ${inWords}`,
    (name) => allowed.test(name),
    (name) =>
      `holds ${[...new Set(name.match(other))]
        .slice(0, 8)
        .map((c) => JSON.stringify(c))
        .join(', ')}`,
  );
}

export const LOWERCASE_DIGITS_DOT_DASH = characters('a-z0-9.-', 'lowercase letters, digits, "." and "-"');
export const LOWERCASE_DIGITS_DASH = characters(
  'a-z0-9-',
  'lowercase letters, digits and "-" (no dots, no underscores)',
);

export const BEGINS_AND_ENDS_ALPHANUMERIC = rule(
  'begin-and-end',
  'begins and ends with a letter or a digit',
  (name) => /^[a-z0-9]/i.test(name) && /[a-z0-9]$/i.test(name),
  (name) => `begins with ${JSON.stringify(name.slice(0, 1))} and ends with ${JSON.stringify(name.slice(-1))}`,
);

export const NO_ADJACENT_PERIODS = without('adjacent-periods', 'no two adjacent periods', ['..']);
export const NO_ADJACENT_DASHES = without('adjacent-dashes', 'no two adjacent dashes', ['--']);
export const NO_DASH_BESIDE_PERIOD = without('dash-beside-period', 'no dash beside a period', ['.-', '-.']);

/** The name holds none of these texts. */
export function without(id: string, statement: string, texts: readonly string[]): UnsourcedRule {
  return rule(
    id,
    statement,
    (name) => !texts.some((text) => name.includes(text)),
    (name) => `holds ${quoted(texts.filter((text) => name.includes(text)))}`,
  );
}

const DOTTED_DECIMAL = /^\d{1,3}(\.\d{1,3}){3}$/;
const FOUR_NUMBERS = /^\d+(\.\d+){3}$/;

function notAddress(pattern: RegExp): UnsourcedRule {
  return rule(
    'ip-address',
    'not formatted as an IP address',
    (name) => !pattern.test(name),
    () => 'is formatted as an IP address',
  );
}

export const NOT_IP_ADDRESS = notAddress(DOTTED_DECIMAL);
/** MinIO and Ceph refuse any four numbers with dots between, however long the numbers are. */
export const NOT_FOUR_NUMBERS = notAddress(FOUR_NUMBERS);

export function notBeginning(prefix: string): UnsourcedRule {
  return rule(
    `reserved-prefix-${wordsOf(prefix)}`,
    `does not begin with "${prefix}"`,
    (name) => !name.startsWith(prefix),
    () => `begins with the reserved "${prefix}"`,
  );
}

export function notEnding(suffix: string): UnsourcedRule {
  return rule(
    `reserved-suffix-${wordsOf(suffix)}`,
    `does not end with "${suffix}"`,
    (name) => !name.endsWith(suffix),
    () => `ends with the reserved "${suffix}"`,
  );
}

/** "Close misspellings" of google is an open set that only Google knows, hence advice and not a refusal. */
export const NOT_LIKE_GOOGLE = asWarning(
  rule(
    'google-misspelling',
    'holds no close misspelling of "google"; the vendor decides which are too close',
    (name) => resemblesGoogle(name) === undefined,
    (name) => `holds ${JSON.stringify(resemblesGoogle(name))}, which the vendor may take for "google"`,
  ),
);

function wordsOf(affix: string): string {
  return affix.replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '');
}

function quoted(texts: readonly string[]): string {
  return texts.map((text) => JSON.stringify(text)).join(', ');
}
