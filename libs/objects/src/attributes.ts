import { checkMetadata, checkTags, type Vendor, type Violation } from '#libs/naming';
import type { ObjectAttributes } from '#libs/backends';
import type { ObjectRecord, RecordHeaders, Sealing, WriteId } from '#libs/metadata';
import { ObjectsError, type ObjectsErrorCode } from './errors.js';

/** What a user stores beside an object's bytes. */
export interface UserAttributes {
  readonly headers: RecordHeaders;
  readonly metadata: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
}

export const NO_ATTRIBUTES: UserAttributes = { headers: {}, metadata: {}, tags: {} };

/**
 * The metadata name under which the wrapped data key lies beside sealed bytes, so that who has the container and the master key can open them without the index.
 * Reserved: nobody can make one object's key pass for another's by naming it.
 */
const SEAL = 'spumoni-seal';

/** The wrapped data key that a vendor's metadata names, and the rest, which is the user's. */
export function sealOf(metadata: Readonly<Record<string, string>>): {
  readonly seal?: string;
  readonly metadata: Readonly<Record<string, string>>;
} {
  const { [SEAL]: seal, ...rest } = metadata;
  return seal === undefined ? { metadata } : { seal, metadata: rest };
}

/** The metadata as it goes to the vendor. */
function withSeal(metadata: UserAttributes['metadata'], sealing: Sealing | undefined): UserAttributes['metadata'] {
  return sealing ? { ...metadata, [SEAL]: sealing.key } : metadata;
}

/** Fails with `invalid-metadata` or `invalid-tags`, naming each rule of the vendor that is broken. */
export function assertAttributes(attributes: UserAttributes, vendor: Vendor, sealing?: Sealing): void {
  if (SEAL in attributes.metadata)
    throw new ObjectsError('invalid-metadata', `the metadata name ${SEAL} is reserved`, { facts: { name: SEAL } });
  refuse('invalid-metadata', checkMetadata(withSeal(attributes.metadata, sealing), vendor));
  refuse('invalid-tags', checkTags(attributes.tags, vendor));
}

function refuse(code: ObjectsErrorCode, violations: readonly Violation[]): void {
  if (violations.length > 0)
    throw new ObjectsError(code, violations.map((v) => v.message).join('; '), { facts: { violations } });
}

export interface Stamp {
  readonly writeId: WriteId;
  readonly storageClass?: string | undefined;
  readonly sealing?: Sealing | undefined;
}

/** The attributes as the port sends them, stamped with the write id and, beside sealed bytes, their wrapped key. */
export function stamped(attributes: UserAttributes, { writeId, storageClass, sealing }: Stamp): ObjectAttributes {
  return {
    headers: attributes.headers,
    metadata: withSeal(attributes.metadata, sealing),
    tags: attributes.tags,
    writeId,
    ...(storageClass === undefined ? {} : { storageClass }),
  };
}

export function attributesOf(record: ObjectRecord): UserAttributes {
  return { headers: record.headers, metadata: record.metadata, tags: record.tags };
}
