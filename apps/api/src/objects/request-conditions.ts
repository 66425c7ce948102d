import type { IncomingHttpHeaders } from 'node:http';
import type { Conditions, RangeRequest } from '#libs/objects';
import { RequestError } from '../http/request-error.js';

/** The names of the condition headers: an object's own, or those of a copy's source. */
interface Names {
  readonly ifMatch: string;
  readonly ifNoneMatch: string;
  readonly ifModifiedSince: string;
  readonly ifUnmodifiedSince: string;
}

const OWN: Names = {
  ifMatch: 'if-match',
  ifNoneMatch: 'if-none-match',
  ifModifiedSince: 'if-modified-since',
  ifUnmodifiedSince: 'if-unmodified-since',
};
const SOURCE: Names = {
  ifMatch: 'x-amz-copy-source-if-match',
  ifNoneMatch: 'x-amz-copy-source-if-none-match',
  ifModifiedSince: 'x-amz-copy-source-if-modified-since',
  ifUnmodifiedSince: 'x-amz-copy-source-if-unmodified-since',
};

/** The conditions of a read (RFC 9110 section 13.1); undefined if there are none. Dates that are none are ignored, as the RFC has it. */
export function readConditions(headers: IncomingHttpHeaders): Conditions | undefined {
  return conditionsBy(headers, OWN);
}

/** The conditions on a copy's source, by S3's header names. */
export function sourceConditions(headers: IncomingHttpHeaders): Conditions | undefined {
  return conditionsBy(headers, SOURCE);
}

/** The conditions of a write: ETags only. A date is refused rather than ignored, since ignoring it could overwrite what the client meant to keep. */
export function writeConditions(headers: IncomingHttpHeaders): Conditions | undefined {
  if (headers[OWN.ifUnmodifiedSince] !== undefined && headers[OWN.ifMatch] === undefined)
    throw new RequestError('invalid-request', 'If-Unmodified-Since is not offered for writes; use If-Match');
  const conditions = conditionsBy(headers, OWN);
  if (!conditions) return undefined;
  const { ifMatch, ifNoneMatch } = conditions;
  return { ...(ifMatch ? { ifMatch } : {}), ...(ifNoneMatch ? { ifNoneMatch } : {}) };
}

function conditionsBy(headers: IncomingHttpHeaders, names: Names): Conditions | undefined {
  const one = (name: string): string | undefined => {
    const value = headers[name];
    return typeof value === 'string' ? value : undefined;
  };
  const match = one(names.ifMatch);
  const noneMatch = one(names.ifNoneMatch);
  const modified = dateOf(one(names.ifModifiedSince));
  const unmodified = dateOf(one(names.ifUnmodifiedSince));
  if (match === undefined && noneMatch === undefined && modified === undefined && unmodified === undefined)
    return undefined;
  return {
    ...(match === undefined ? {} : { ifMatch: etagsOf(match, 'strong') }),
    ...(noneMatch === undefined ? {} : { ifNoneMatch: etagsOf(noneMatch, 'weak') }),
    ...(modified === undefined ? {} : { ifModifiedSince: modified }),
    ...(unmodified === undefined ? {} : { ifUnmodifiedSince: unmodified }),
  };
}

/** Unquoted ETags. Under strong comparison a weak one never matches, so it keeps its mark, which no ETag of ours has. Bare ETags are taken too. */
function etagsOf(header: string, comparison: 'strong' | 'weak'): string[] {
  return header
    .split(',')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '')
    .map((tag) => (comparison === 'weak' && tag.startsWith('W/') ? tag.slice(2) : tag))
    .map((tag) => (tag.length > 1 && tag.startsWith('"') && tag.endsWith('"') ? tag.slice(1, -1) : tag));
}

function dateOf(header: string | undefined): number | undefined {
  const time = header === undefined ? NaN : Date.parse(header);
  return Number.isNaN(time) ? undefined : time;
}

const ONE_RANGE = /^bytes *= *(\d*) *- *(\d*)$/i;

/** The range of a GET. Undefined, so the whole object, for none, for several, for another unit and for what is no range (RFC 9110 sections 14.1 and 14.2). */
export function rangeOf(headers: IncomingHttpHeaders): RangeRequest | undefined {
  const match = headers.range === undefined ? null : ONE_RANGE.exec(headers.range.trim());
  if (!match) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '') return last === '' ? undefined : { last: Number(last) };
  if (last === '') return { from: Number(first) };
  return Number(last) < Number(first) ? undefined : { from: Number(first), to: Number(last) };
}

/**
 * Whether `If-Range` (RFC 9110 section 13.1.5), if there is one, names this very content. A weak ETag never does, nor does a date: of two writes in one second it may mean the first, and the client would join parts of both. A client that
 * keeps to the RFC sends none, as every answer has an ETag.
 */
export function ifRangeHolds(headers: IncomingHttpHeaders, record: { etag: string }): boolean {
  const header = headers['if-range'];
  if (typeof header !== 'string') return true;
  const [tag] = etagsOf(header, 'strong');
  return tag === record.etag;
}
