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
  const modified = wholeSeconds(record);
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

/**
 * The guard of a conditional write, by the same precedence; undefined where there is nothing to guard. `If-None-Match: *` means that no object may be there.
 * If-Modified-Since is for reads alone, and If-Unmodified-Since says nothing of an object that is not there (RFC 9110 sections 13.1.3 and 13.1.4).
 */
export function writeGuard(conditions: Conditions | undefined): ((document: KeyDocument) => void) | undefined {
  const { ifMatch, ifNoneMatch, ifUnmodifiedSince } = conditions ?? {};
  if (!ifMatch && !ifNoneMatch && ifUnmodifiedSince === undefined) return undefined;
  return ({ current }) => {
    if (ifMatch) {
      if (!(current && matches(ifMatch, current.etag))) throw failed('If-Match', current?.etag);
    } else if (current && ifUnmodifiedSince !== undefined && wholeSeconds(current) > ifUnmodifiedSince) {
      throw failed('If-Unmodified-Since', current.etag);
    }
    if (ifNoneMatch && current && matches(ifNoneMatch, current.etag)) throw failed('If-None-Match', current.etag);
  };
}

/** HTTP dates have no fractions. */
function wholeSeconds({ lastModified }: ObjectRecord): number {
  return Math.floor(lastModified / 1000) * 1000;
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
