import type { BucketDocument, ObjectRecord, Sealing, WriteId } from '#libs/metadata';
import { validateObjectKey } from '#libs/naming';
import type { UserAttributes } from '../attributes.js';
import { ObjectsError } from '../errors.js';
import { assertRecovered } from '../recovering/recovered.js';
import type { Target } from '../target.js';
import type { ChosenClass } from './storage-class.js';

export interface CandidateParts {
  readonly writeId: WriteId;
  readonly attributes: UserAttributes;
  readonly chosen: ChosenClass;
  readonly now: number;
  /** Absent: the plain bytes are sent. */
  readonly sealing?: Sealing;
  /** As far as it is known before the bytes have gone. */
  readonly content?: {
    readonly size: number;
    readonly etag: string;
    readonly checksums: Readonly<Record<string, string>>;
  };
}

/** The record to be, at its target, before there is a token. */
export function candidateAt(target: Target, parts: CandidateParts): ObjectRecord {
  const { chosen, content } = parts;
  return {
    size: content?.size ?? 0,
    etag: content?.etag ?? '',
    checksums: content?.checksums ?? {},
    ...parts.attributes,
    ...(chosen.tier === undefined ? {} : { tier: chosen.tier }),
    ...(chosen.own ? { ownTier: true as const } : {}),
    lastModified: parts.now,
    ...(parts.sealing ? { sealing: parts.sealing } : {}),
    placement: {
      backend: target.backendId,
      container: target.container,
      key: target.backendKey,
      storageClass: chosen.storageClass ?? '',
      token: '',
      writeId: parts.writeId,
    },
  };
}

/** Fails with `invalid-key`, naming each broken rule: length, encoding, the reserved prefix. */
export function assertObjectKey(key: string): void {
  const violations = validateObjectKey(key);
  if (violations.length > 0)
    throw new ObjectsError('invalid-key', violations.map((v) => v.message).join('; '), { facts: { violations } });
}

export function assertTakesWrites(bucket: BucketDocument): void {
  if (bucket.state !== 'active')
    throw new ObjectsError('bucket-not-active', `bucket ${bucket.name} is ${bucket.state} and takes no writes`);
  assertRecovered(bucket);
}
