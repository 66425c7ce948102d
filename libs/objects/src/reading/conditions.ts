import type { KeyDocument, ObjectRecord } from '#libs/metadata';
import { ObjectsError } from '../errors.js';

/** The conditions of RFC 9110 section 13.1. ETags unquoted; `*` as itself. Dates in milliseconds, whole seconds. */
export interface Conditions {
  readonly ifMatch?: readonly string[];
  readonly ifNoneMatch?: readonly string[];
  readonly ifModifiedSince?: number;
  readonly ifUnmodifiedSince?: number;
}

/** The precedence of RFC 9110 section 13.2.2, for a read of this record. Throws `precondition-failed` or `not-modified`. */
export function assertReadConditions(record: ObjectRecord, conditions: Conditions): void {
  const modified = Math.floor(record.lastModified / 1000) * 1000;
  if (conditions.ifMatch) {
    if (!matches(conditions.ifMatch, record.etag)) throw failed('If-Match', record.etag);
  } else if (conditions.ifUnmodifiedSince !== undefined && modified > conditions.ifUnmodifiedSince) {
    throw failed('If-Unmodified-Since', record.etag);
  }
  if (conditions.ifNoneMatch) {
    if (matches(conditions.ifNoneMatch, record.etag)) throw notModified(record);
  } else if (conditions.ifModifiedSince !== undefined && modified <= conditions.ifModifiedSince) {
    throw notModified(record);
  }
}

/** The guard of a conditional write; undefined where there is nothing to guard. `If-None-Match: *` means that no object may be there. */
export function writeGuard(conditions: Conditions | undefined): ((document: KeyDocument) => void) | undefined {
  if (!conditions?.ifMatch && !conditions?.ifNoneMatch) return undefined;
  const { ifMatch, ifNoneMatch } = conditions;
  return ({ current }) => {
    if (ifMatch && !(current && matches(ifMatch, current.etag))) throw failed('If-Match', current?.etag);
    if (ifNoneMatch && current && matches(ifNoneMatch, current.etag)) throw failed('If-None-Match', current.etag);
  };
}

function matches(wanted: readonly string[], etag: string): boolean {
  return wanted.includes('*') || wanted.includes(etag);
}

function failed(header: string, etag: string | undefined): ObjectsError {
  const now = etag === undefined ? 'there is no object at this key' : `the object's ETag is "${etag}"`;
  return new ObjectsError('precondition-failed', `${header} does not hold: ${now}`, { facts: { header } });
}

function notModified(record: ObjectRecord): ObjectsError {
  return new ObjectsError('not-modified', 'the object has not changed', {
    facts: { etag: record.etag, lastModified: record.lastModified },
  });
}
