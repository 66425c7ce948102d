import { VENDORS } from '#libs/naming';
import { findStorageClass, legalClasses, type Price, type PriceSource, type PriceTable } from '#libs/tiering';
import { invalid, type InputViolation } from '../errors.js';

const MOST_PRICES = 500;
const NUMBERS = ['gibMonth', 'thousandWrites', 'thousandReads', 'gibOut'] as const;

type Members = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A price table as a client, or a row, has it; `invalid-prices` with everything that is wrong in it. */
export function checkedPrices(input: unknown): PriceTable {
  const violations: InputViolation[] = [];
  const given = isObject(input) ? input : {};
  const { currency, asOf, note = '', prices, sources } = given;
  const wrong = (path: string, message: string): void => void violations.push({ path, message });
  if (typeof currency !== 'string' || !/^[A-Z]{3}$/.test(currency)) wrong('currency', 'expected three letters, as USD');
  if (typeof asOf !== 'string' || !isDay(asOf)) wrong('asOf', 'expected a day, as 2026-01-31');
  if (typeof note !== 'string' || note.length > 1000) wrong('note', 'expected a text of at most 1,000 characters');
  if (!Array.isArray(prices) || prices.length > MOST_PRICES)
    wrong('prices', `expected a list of at most ${MOST_PRICES}`);
  const rows = Array.isArray(prices) ? (prices as unknown[]).slice(0, MOST_PRICES) : [];
  const checked = rows.flatMap((row, n) => checkedPrice(row, `prices.${n}`, wrong));
  const names = checked.map(({ vendor, storageClass }) => `${vendor} ${storageClass}`);
  const twice = names.find((name, n) => names.indexOf(name) !== n);
  if (twice !== undefined) wrong('prices', `${twice} is there twice`);
  const said = checkedSources(sources, wrong);
  if (violations.length > 0) throw invalid('invalid-prices', 'the price table is not right', violations);
  const table = { currency: String(currency), asOf: String(asOf), note: String(note), prices: checked };
  return said === undefined ? table : { ...table, sources: said };
}

function checkedSources(
  input: unknown,
  wrong: (path: string, message: string) => void,
): readonly PriceSource[] | undefined {
  if (input === undefined) return undefined;
  if (!Array.isArray(input) || input.length > MOST_PRICES) {
    wrong('sources', `expected a list of at most ${MOST_PRICES}`);
    return undefined;
  }
  return (input as unknown[]).flatMap((row, n) => {
    const { vendor, what, source, seen } = isObject(row) ? row : {};
    const known = VENDORS.find((one) => one === vendor);
    const [shortWhat, shortSource] = [what, source].map((text) => typeof text === 'string' && text.length <= 1000);
    const isSeen = typeof seen === 'string' && (seen === 'not checked' || isDay(seen));
    if (known && shortWhat === true && shortSource === true && isSeen)
      return [{ vendor: known, what: String(what), source: String(source), seen }];
    wrong(`sources.${n}`, 'expected vendor, what, source (up to 1,000 characters) and seen: a day, or "not checked"');
    return [];
  });
}

function isDay(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text));
}

function checkedPrice(row: unknown, path: string, wrong: (path: string, message: string) => void): Price[] {
  const given = isObject(row) ? row : {};
  const vendor = VENDORS.find((one) => one === given['vendor']);
  if (!vendor) {
    wrong(`${path}.vendor`, `expected one of ${VENDORS.join(', ')}`);
    return [];
  }
  const { storageClass } = given;
  const found = typeof storageClass === 'string' ? findStorageClass(vendor, storageClass) : undefined;
  if (!found) wrong(`${path}.storageClass`, `expected one of ${legalClasses(vendor)}`);
  const numbers = NUMBERS.map((name) => {
    const value = given[name] ?? 0;
    if (typeof value === 'number' && value >= 0 && value <= 1_000_000) return value;
    wrong(`${path}.${name}`, 'expected a number from 0 to 1,000,000');
    return 0;
  });
  const [gibMonth = 0, thousandWrites = 0, thousandReads = 0, gibOut = 0] = numbers;
  return found ? [{ vendor, storageClass: found.name, gibMonth, thousandWrites, thousandReads, gibOut }] : [];
}
