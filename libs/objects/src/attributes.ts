import { checkMetadata, checkTags, type Vendor, type Violation } from '#libs/naming';
import type { ObjectAttributes } from '#libs/backends';
import type { ObjectRecord, RecordHeaders, WriteId } from '#libs/metadata';
import { ObjectsError, type ObjectsErrorCode } from './errors.js';

/** What a user stores beside an object's bytes. */
export interface UserAttributes {
  readonly headers: RecordHeaders;
  readonly metadata: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
}

export const NO_ATTRIBUTES: UserAttributes = { headers: {}, metadata: {}, tags: {} };

/** Fails with `invalid-metadata` or `invalid-tags`, naming each rule of the vendor that is broken. */
export function assertAttributes(attributes: UserAttributes, vendor: Vendor): void {
  refuse('invalid-metadata', checkMetadata(attributes.metadata, vendor));
  refuse('invalid-tags', checkTags(attributes.tags, vendor));
}

function refuse(code: ObjectsErrorCode, violations: readonly Violation[]): void {
  if (violations.length > 0)
    throw new ObjectsError(code, violations.map((v) => v.message).join('; '), { facts: { violations } });
}

/** The attributes as the port sends them, stamped with the write id. */
export function stamped(
  attributes: UserAttributes,
  storageClass: string | undefined,
  writeId: WriteId,
): ObjectAttributes {
  return {
    headers: attributes.headers,
    metadata: attributes.metadata,
    tags: attributes.tags,
    writeId,
    ...(storageClass === undefined ? {} : { storageClass }),
  };
}

export function attributesOf(record: ObjectRecord): UserAttributes {
  return { headers: record.headers, metadata: record.metadata, tags: record.tags };
}
