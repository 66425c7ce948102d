import type { NameRule, UnsourcedRule } from './bucket-name-rules.js';
import {
  BEGINS_AND_ENDS_ALPHANUMERIC,
  length,
  LOWERCASE_DIGITS_DASH,
  NO_ADJACENT_DASHES,
  rule,
  statedBy,
} from './bucket-name-rules.js';

const AZURE_NAMING =
  'https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata';

const SPECIAL = ['$root', '$web', '$logs'];
const ADOPTABLE = ['$root', '$web'];

/** The special containers stand outside the ordinary rules, so that a caller hears only what is special about them. */
function unlessSpecial(of: UnsourcedRule): UnsourcedRule {
  return { ...of, passes: (name) => SPECIAL.includes(name) || of.passes(name) };
}

const ORDINARY = [length(3, 63), LOWERCASE_DIGITS_DASH, BEGINS_AND_ENDS_ALPHANUMERIC, NO_ADJACENT_DASHES].map(
  unlessSpecial,
);

/** Containers that are to be created. */
export const AZURE_RULES: readonly NameRule[] = statedBy(
  AZURE_NAMING,
  ...ORDINARY,
  rule(
    'special-container',
    'not one of Azure\'s special containers: "$root" (blobs without a container in their URL), "$web" (static site) ' +
      'and "$logs" (analytics, owned by the service); "$root" and "$web" can only be adopted',
    (name) => !SPECIAL.includes(name),
    (name) => `is Azure's special container ${JSON.stringify(name)}`,
  ),
);

/** Containers that exist and are to be adopted: `$root` and `$web` are an account's own, `$logs` is the service's. */
export const AZURE_EXISTING_RULES: readonly NameRule[] = statedBy(
  AZURE_NAMING,
  ...ORDINARY,
  rule(
    'special-container',
    'not "$logs", which the service writes and nobody else can',
    (name) => !SPECIAL.includes(name) || ADOPTABLE.includes(name),
    (name) => `is Azure's own container ${JSON.stringify(name)}`,
  ),
);
