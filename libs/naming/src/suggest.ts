import { createHash } from 'node:crypto';
import { REFUSED_SPELLINGS, resemblesGoogle } from './google-likeness.js';
import { shown } from './verdict.js';

const MIN = 6;
const MAX = 63;
/** More of a text than this cannot matter to a name of 63 characters. */
const CONSIDERED = 256;
const SUFFIX = /^[0-9a-f]{8}$/;
const RESERVED_PREFIX = /^(xn-|sthree-|amzn-s3-demo-|goog|b2-|cosv1-|account-)/;
const RESERVED_SUFFIX = /-(s3alias|an)$/;
const PREFIX = 'my-';
const ENDING = '-bucket';

/**
 * A name of 6 to 63 characters that is legal at every vendor, made of what the given text holds of letters and
 * digits. Deterministic; takes any string. Different texts may get the same suggestion.
 */
export function suggestBucketName(name: string): string {
  const words = withoutGoogle(cut(wordsOf(name), CONSIDERED));
  const core = cut(words === '' ? `bucket-${digest(name)}` : words, MAX - PREFIX.length - ENDING.length);
  const begun = RESERVED_PREFIX.test(`${core}-`) ? `${PREFIX}${core}` : core;
  return begun.length < MIN || RESERVED_SUFFIX.test(begun) ? `${begun}${ENDING}` : begun;
}

/**
 * A container's name where the bucket's own is not to be had: the suggestion for the name, and eight lowercase hex digits
 * after a dash. Legal at every vendor, at most 63 characters. Throws a RangeError if the suffix is anything else.
 */
export function slugFor(name: string, suffix: string): string {
  if (!SUFFIX.test(suffix)) {
    throw new RangeError(`The suffix ${shown(suffix)} is not eight lowercase hexadecimal digits.`);
  }
  return `${cut(suggestBucketName(name), MAX - suffix.length - 1)}-${suffix}`;
}

/** Letters lose their accents and their case; whatever is neither a letter of ASCII nor a digit becomes one dash. */
function wordsOf(text: string): string {
  return trimDashes(
    text
      .normalize('NFKD')
      .replace(/\p{M}+/gu, '')
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-'),
  );
}

/** Each round leaves fewer characters, so it ends; taking one out can bring another together. */
function withoutGoogle(text: string): string {
  const found = REFUSED_SPELLINGS.find((spelling) => text.includes(spelling)) ?? resemblesGoogle(text);
  return found === undefined ? text : withoutGoogle(wordsOf(text.replace(found, 'g')));
}

function cut(text: string, max: number): string {
  return trimDashes(text.slice(0, max));
}

function trimDashes(text: string): string {
  return text.replace(/^-+|-+$/g, '');
}

function digest(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex').slice(0, 8);
}
