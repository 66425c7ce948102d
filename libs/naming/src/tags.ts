import type { Vendor } from './vendors.js';
import type { Violation } from './verdict.js';
import { shown } from './verdict.js';

export const MAX_TAGS = 10;
/** Lengths in UTF-16 code units, which is how S3 counts. */
export const MAX_TAG_KEY_LENGTH = 128;
export const MAX_TAG_VALUE_LENGTH = 256;

interface TagProfile {
  readonly source: string;
  readonly characters: RegExp;
  readonly inWords: string;
}

const S3_TAGS: TagProfile = {
  source: 'https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html',
  characters: /^[\p{L}\p{N}\p{Z}+\-=._:/@]*$/u,
  inWords: 'letters, digits, spaces and + - = . _ : / @',
};

const AZURE_TAGS: TagProfile = {
  source: 'https://learn.microsoft.com/rest/api/storageservices/set-blob-tags',
  characters: /^[A-Za-z0-9 +\-./:=_]*$/,
  inWords: 'letters and digits of ASCII, spaces and + - . / : = _',
};

/** MinIO takes of S3's letters and digits only those of ASCII (`validTagKeyValue` in its tags package). */
const MINIO_TAGS: TagProfile = {
  source: 'https://github.com/minio/minio-go/blob/v7.0.91/pkg/tags/tags.go',
  characters: /^[A-Za-z0-9 +\-=._:/@]*$/,
  inWords: 'letters and digits of ASCII, spaces and + - = . _ : / @',
};

const OWN_PROFILES: Partial<Record<Vendor, TagProfile>> = { azure: AZURE_TAGS, minio: MINIO_TAGS };

/** Why the vendor cannot hold this set of tags; empty if it can. Vendors without tags of their own are held to S3's rules. */
export function checkTags(tags: Readonly<Record<string, string>>, vendor: Vendor): Violation[] {
  const profile = OWN_PROFILES[vendor] ?? S3_TAGS;
  const { source } = profile;
  const count = Object.keys(tags).length;
  const violations: Violation[] = [];
  if (count > MAX_TAGS) {
    violations.push({ rule: 'tag-count', message: `There are ${count} tags; expected: at most ${MAX_TAGS}.`, source });
  }
  for (const [key, value] of Object.entries(tags)) violations.push(...checkTag(key, value, profile));
  return violations;
}

function checkTag(key: string, value: string, { source, characters, inWords }: TagProfile): Violation[] {
  const broken: [rule: string, found: string][] = [];
  if (key.length < 1 || key.length > MAX_TAG_KEY_LENGTH) {
    broken.push(['tag-key-length', `has a key of ${key.length} characters; expected: 1 to ${MAX_TAG_KEY_LENGTH}`]);
  }
  if (value.length > MAX_TAG_VALUE_LENGTH) {
    broken.push([
      'tag-value-length',
      `has a value of ${value.length} characters; expected: 0 to ${MAX_TAG_VALUE_LENGTH}`,
    ]);
  }
  if (!characters.test(key))
    broken.push(['tag-key-characters', `has other characters in its key; expected: only ${inWords}`]);
  if (!characters.test(value)) {
    broken.push([
      'tag-value-characters',
      `has other characters in its value ${shown(value)}; expected: only ${inWords}`,
    ]);
  }
  if (/^aws:/i.test(key))
    broken.push(['tag-reserved-prefix', 'begins with the reserved "aws:"; expected: any other beginning']);
  return broken.map(([rule, found]) => ({ rule, message: `The tag ${shown(key)} ${found}.`, source }));
}
