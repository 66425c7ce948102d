import type { IncomingHttpHeaders } from 'node:http';
import { CHECKSUM_ALGORITHMS, type ChecksumAlgorithm, type Expectations } from '#libs/objects';
import { RequestError } from '../http/request-error.js';

const DIGEST_BYTES: Readonly<Record<ChecksumAlgorithm, number>> = { crc32: 4, crc32c: 4, sha1: 20, sha256: 32 };
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const PREFIX = 'x-amz-checksum-';
/** Say which algorithm or kind was used; the values themselves are what counts. */
const SILENT = new Set([`${PREFIX}mode`, `${PREFIX}algorithm`, `${PREFIX}type`]);

/** What the client says of its body's length and digests. `invalid-digest` for one that cannot be right, `not-offered` for a way of sending it that is the S3 endpoint's. */
export function expectationsOf(headers: IncomingHttpHeaders): Expectations {
  refuseSigned(headers);
  refuseOtherMeanings(headers);
  const length = headers['content-length'];
  const chunked = headers['transfer-encoding'] !== undefined;
  const md5 = headers['content-md5'];
  const checksums = checksumsOf(headers);
  if (md5 !== undefined) assertDigest('Content-MD5', md5, 16);
  return {
    // Without either header there is no body (RFC 9112 section 6.3).
    ...(chunked ? {} : { size: Number(length ?? 0) }),
    ...(typeof md5 === 'string' ? { md5 } : {}),
    ...(checksums ? { checksums } : {}),
  };
}

function checksumsOf(headers: IncomingHttpHeaders): Partial<Record<ChecksumAlgorithm, string>> | undefined {
  let checksums: Partial<Record<ChecksumAlgorithm, string>> | undefined;
  for (const name in headers) {
    if (!name.startsWith(PREFIX) || SILENT.has(name)) continue;
    const algorithm = CHECKSUM_ALGORITHMS.find((known) => name === PREFIX + known);
    const value = headers[name];
    if (!algorithm) {
      const known = CHECKSUM_ALGORITHMS.map((one) => PREFIX + one).join(', ');
      throw new RequestError('invalid-digest', `${name} is not offered; expected: ${known} or Content-MD5`);
    }
    assertDigest(name, value, DIGEST_BYTES[algorithm]);
    checksums = { ...checksums, [algorithm]: String(value) };
  }
  return checksums;
}

function assertDigest(name: string, value: unknown, bytes: number): void {
  if (typeof value === 'string' && BASE64.test(value) && Buffer.from(value, 'base64').length === bytes) return;
  throw new RequestError('invalid-digest', `${name} is not the base64 of ${bytes} bytes`);
}

/** Bodies in signed or trailing chunks would be stored with their framing, were they taken for plain ones. */
function refuseSigned(headers: IncomingHttpHeaders): void {
  const hash = headers['x-amz-content-sha256'];
  const signed = typeof hash === 'string' && hash.startsWith('STREAMING-');
  if (!signed && headers['x-amz-trailer'] === undefined) return;
  throw new RequestError(
    'not-offered',
    'bodies in aws-chunked framing belong to the S3 endpoint; send plain bytes here',
  );
}

const ENCRYPTION = 'x-amz-server-side-encryption';
/** Each would make of the request something else than a write of a whole object as its bucket keeps it. */
const OTHER_MEANINGS: readonly (readonly [name: string, why: string])[] = [
  ['x-amz-write-offset-bytes', 'nothing can be appended to an object; begin a resumable upload'],
  ['x-amz-copy-source', 'a copy is asked for by POST and the query parameter copyFrom'],
  ['x-amz-object-lock-mode', 'objects cannot be locked'],
  ['x-amz-object-lock-retain-until-date', 'objects cannot be locked'],
  ['x-amz-object-lock-legal-hold', 'objects cannot be locked'],
  [ENCRYPTION, 'whether an object is encrypted is said of its bucket, at /admin/v1/buckets/{bucket}/encryption'],
  [`${ENCRYPTION}-customer-algorithm`, 'keys of clients are not taken'],
  [`${ENCRYPTION}-customer-key`, 'keys of clients are not taken'],
];

/** Headers that are not known are ignored, as HTTP has it; but not where the client would then be told that something was done which was not (RFC 9110 section 14.5). */
function refuseOtherMeanings(headers: IncomingHttpHeaders): void {
  if (headers['content-range'] !== undefined)
    throw new RequestError('invalid-request', 'Content-Range: a part of an object cannot be written');
  for (const [name, why] of OTHER_MEANINGS)
    if (headers[name] !== undefined) throw new RequestError('not-offered', `${name}: ${why}`);
  const coding = headers['transfer-encoding'];
  if (coding !== undefined && coding.toLowerCase() !== 'chunked')
    throw new RequestError('not-offered', 'Transfer-Encoding: expected chunked alone');
}
