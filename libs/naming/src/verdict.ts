import type { Vendor } from './vendors.js';

/** One broken rule: a stable kebab-case id, what was wrong and what was expected, and where the vendor says so. */
export interface Violation {
  readonly rule: string;
  readonly message: string;
  readonly source: string;
}

/** What one vendor's rules say of a name. Warnings do not make it invalid: the vendor itself decides those. */
export interface NameVerdict {
  readonly vendor: Vendor;
  readonly valid: boolean;
  readonly violations: readonly Violation[];
  readonly warnings: readonly Violation[];
}

const SHOWN_CHARACTERS = 80;

/** The text as it can stand in a message: quoted, control characters escaped, at most 80 characters. */
export function shown(text: string): string {
  const cut = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
  return JSON.stringify(cut);
}
