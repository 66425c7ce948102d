import type { Vendor } from './vendors.js';

/** How a vendor's metadata names differ from HTTP's: one sign is left for escapes, and these characters are plain. */
interface NameEscape {
  readonly sign: '_' | '-';
  /** Characters that stand for themselves. */
  readonly plain: RegExp;
  /** Whether a digit may come first. */
  readonly digitFirst: boolean;
  /** What the vendor takes at all. */
  readonly legal: RegExp;
}

/** Azure's names are C# identifiers; OSS takes letters, digits and dashes. The others take any token. */
const NAME_ESCAPES: Partial<Record<Vendor, NameEscape>> = {
  azure: { sign: '_', plain: /^[a-z0-9_]$/, digitFirst: false, legal: /^[a-z_][a-z0-9_]*$/i },
  'alibaba-oss': { sign: '-', plain: /^[a-z0-9-]$/, digitFirst: true, legal: /^[a-z0-9-]+$/i },
};

/** A token of RFC 9110, section 5.6.2, in lower case: what S3 can have for a name. */
export const METADATA_NAME = /^[a-z0-9!#$%&'*+\-.^_`|~]+$/;

/** Whether the vendor itself takes this name for a piece of metadata. */
export function isVendorMetadataName(name: string, vendor: Vendor): boolean {
  return (NAME_ESCAPES[vendor]?.legal ?? METADATA_NAME).test(name);
}

/**
 * The name as the vendor can hold it. A character that it refuses becomes sign, `x`, two hex digits, sign: `a-b` is
 * `a_x2d_b` at Azure and `a_b` is `a-x5f-b` at OSS. The sign itself is escaped only before an `x`, where it could be
 * read as an escape, so ordinary names are plain. Takes lower-case tokens only (`METADATA_NAME`).
 */
export function encodeMetadataName(name: string, vendor: Vendor): string {
  const rules = NAME_ESCAPES[vendor];
  if (rules === undefined) return name;
  const { sign, plain, digitFirst } = rules;
  return Array.from(name)
    .map((character, index) => {
      const looksLikeEscape = character === sign && name[index + 1] === 'x';
      const badStart = index === 0 && !digitFirst && /\d/.test(character);
      if (plain.test(character) && !looksLikeEscape && !badStart) return character;
      return `${sign}x${character.charCodeAt(0).toString(16).padStart(2, '0')}${sign}`;
    })
    .join('');
}

/** The inverse. A name that was not made by `encodeMetadataName` comes out in lower case, else as it is. */
export function decodeMetadataName(encoded: string, vendor: Vendor): string {
  const rules = NAME_ESCAPES[vendor];
  const name = vendor === 'filesystem' ? encoded : encoded.toLowerCase();
  if (rules === undefined) return name;
  const { sign } = rules;
  return name.replace(new RegExp(`${sign}x([0-7][0-9a-f])${sign}`, 'g'), (_escape, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
}
