import type { NameRule } from './bucket-name-rules.js';
import {
  asWarning,
  BEGINS_AND_ENDS_ALPHANUMERIC,
  characters,
  NO_ADJACENT_PERIODS,
  NOT_IP_ADDRESS,
  NOT_LIKE_GOOGLE,
  notBeginning,
  rule,
  statedBy,
  without,
} from './bucket-name-rules.js';
import { REFUSED_SPELLINGS } from './google-likeness.js';

const COMPONENT = 63;
const DOTTED = 222;

function longestComponent(name: string): number {
  return Math.max(...name.split('.').map((component) => component.length));
}

/** Bucket names of Google Cloud Storage. */
export const GCS_RULES: readonly NameRule[] = statedBy(
  'https://cloud.google.com/storage/docs/buckets#naming',
  rule(
    'length',
    `3 to ${COMPONENT} characters; with dots up to ${DOTTED}`,
    (name) => name.length >= 3 && name.length <= (name.includes('.') ? DOTTED : COMPONENT),
    (name) => `has ${name.length} characters`,
  ),
  rule(
    'component-length',
    `each part between dots has at most ${COMPONENT} characters`,
    (name) => !name.includes('.') || longestComponent(name) <= COMPONENT,
    (name) => `has a part of ${longestComponent(name)} characters`,
  ),
  characters('a-z0-9._-', 'lowercase letters, digits, "-", "_" and "."'),
  BEGINS_AND_ENDS_ALPHANUMERIC,
  NO_ADJACENT_PERIODS,
  NOT_IP_ADDRESS,
  notBeginning('goog'),
  without('google', 'does not hold "google" or "g00gle"', REFUSED_SPELLINGS),
  NOT_LIKE_GOOGLE,
  asWarning(
    rule(
      'domain-ownership',
      'a name with dots is a domain name, which its creator must have verified as his own',
      (name) => !name.includes('.'),
      () => 'holds a dot',
    ),
  ),
);
