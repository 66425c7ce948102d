import { describe, expect, it } from '@jest/globals';
import { answerFailure, isForeign } from '../src/aws/errors.js';
import type { BackendErrorKind } from '../src/index.js';

interface Row {
  readonly from: string;
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly text?: string;
  readonly kind: BackendErrorKind;
  readonly code?: string;
}

const XML = '<?xml version="1.0" encoding="UTF-8"?>\n';
const minio = (code: string, message: string): string =>
  `${XML}<Error><Code>${code}</Code><Message>${message}</Message><Key>m</Key><BucketName>capture-bucket</BucketName><Resource>/capture-bucket/m</Resource><RequestId>18EA0B5F13686B93</RequestId><HostId>e45e156e</HostId></Error>`;
const moto = (code: string, inside = ''): string =>
  `<?xml version="1.0" encoding="utf-8"?>\n<Error><Code>${code}</Code><Message>message</Message>${inside}<RequestId>YKSPlYuT</RequestId><HostId>9Gjjt1m+cjU4OPvX9O9/8RuvnG41MRb/18Oux2o5H5MY7ISNTlXN+Dz9IG62/ILVxhAGI0qyPfg=</HostId></Error>`;
const WERKZEUG =
  '<!doctype html>\n<html lang=en>\n<title>500 Internal Server Error</title>\n<h1>Internal Server Error</h1>\n<p>The server…</p>\n';

/** Answers as the servers gave them (MinIO of 2026-02, moto 5.2.1), and as AWS documents its own. */
const ROWS: readonly Row[] = [
  {
    from: 'MinIO',
    status: 404,
    text: minio('NoSuchKey', 'The specified key does not exist.'),
    kind: 'not-found',
    code: 'NoSuchKey',
  },
  {
    from: 'MinIO',
    status: 404,
    text: minio('NoSuchVersion', 'The specified version does not exist.'),
    kind: 'not-found',
    code: 'NoSuchVersion',
  },
  {
    from: 'MinIO',
    status: 404,
    text: minio('NoSuchUpload', 'The upload ID may be invalid.'),
    kind: 'not-found',
    code: 'NoSuchUpload',
  },
  {
    from: 'MinIO',
    status: 409,
    text: minio('BucketNotEmpty', 'You must delete all versions in the bucket.'),
    kind: 'conflict',
    code: 'BucketNotEmpty',
  },
  {
    from: 'MinIO',
    status: 412,
    text: minio('PreconditionFailed', 'At least one of the pre-conditions'),
    kind: 'precondition',
    code: 'PreconditionFailed',
  },
  {
    from: 'MinIO',
    status: 400,
    text: minio('InvalidStorageClass', 'Invalid storage class.'),
    kind: 'invalid',
    code: 'InvalidStorageClass',
  },
  {
    from: 'MinIO',
    status: 400,
    text: minio('InvalidBucketName', 'The specified bucket is not valid.'),
    kind: 'invalid',
    code: 'InvalidBucketName',
  },
  {
    from: 'MinIO',
    status: 400,
    text: minio('BadDigest', 'The Content-Md5 you specified did not match what we received.'),
    kind: 'integrity',
    code: 'BadDigest',
  },
  {
    from: 'MinIO',
    status: 403,
    text: minio('SignatureDoesNotMatch', 'The request signature'),
    kind: 'denied',
    code: 'SignatureDoesNotMatch',
  },
  {
    from: 'MinIO',
    status: 403,
    text: minio('InvalidAccessKeyId', 'The Access Key Id'),
    kind: 'denied',
    code: 'InvalidAccessKeyId',
  },
  {
    from: 'MinIO',
    status: 416,
    text: minio('InvalidRange', 'The requested range &#39;bytes=100-200&#39; is not satisfiable'),
    kind: 'invalid',
    code: 'InvalidRange',
  },
  {
    from: 'MinIO, HEAD',
    status: 404,
    headers: { server: 'MinIO', 'x-minio-error-code': 'NoSuchKey', 'x-minio-error-desc': '"gone"' },
    kind: 'not-found',
    code: 'NoSuchKey',
  },
  {
    from: 'MinIO, HEAD',
    status: 403,
    headers: { server: 'MinIO', 'x-minio-error-code': 'SignatureDoesNotMatch' },
    kind: 'denied',
    code: 'SignatureDoesNotMatch',
  },
  {
    from: 'moto',
    status: 403,
    text: moto('InvalidObjectState', '<StorageClass>GLACIER</StorageClass>'),
    kind: 'conflict',
    code: 'InvalidObjectState',
  },
  {
    from: 'moto',
    status: 404,
    text: moto('NoSuchBucket', '<BucketName>BAD_</BucketName>'),
    kind: 'not-found',
    code: 'NoSuchBucket',
  },
  {
    from: 'moto, HEAD',
    status: 404,
    headers: { 'content-type': 'text/html; charset=utf-8', 'x-amzn-requestid': 'nY' },
    kind: 'not-found',
  },
  {
    from: 'moto, its own fault',
    status: 500,
    headers: { 'content-type': 'text/html' },
    text: WERKZEUG,
    kind: 'unavailable',
  },
  {
    from: 'AWS',
    status: 409,
    text: moto('BucketAlreadyOwnedByYou'),
    kind: 'conflict',
    code: 'BucketAlreadyOwnedByYou',
  },
  {
    from: 'AWS',
    status: 409,
    text: moto('ConditionalRequestConflict'),
    kind: 'precondition',
    code: 'ConditionalRequestConflict',
  },
  { from: 'AWS', status: 503, text: moto('SlowDown'), kind: 'throttled', code: 'SlowDown' },
  { from: 'AWS', status: 500, text: moto('InternalError'), kind: 'unavailable', code: 'InternalError' },
  { from: 'AWS', status: 400, text: moto('RequestTimeout'), kind: 'timeout', code: 'RequestTimeout' },
  { from: 'AWS', status: 400, text: moto('ExpiredToken'), kind: 'denied', code: 'ExpiredToken' },
  { from: 'AWS', status: 200, text: moto('InternalError'), kind: 'unavailable', code: 'InternalError' },
  { from: 'R2', status: 501, text: moto('NotImplemented'), kind: 'unsupported', code: 'NotImplemented' },
  { from: 'a new code, 400', status: 400, text: moto('BrandNew'), kind: 'invalid', code: 'BrandNew' },
  { from: 'a new code, 503', status: 503, text: moto('BrandNew'), kind: 'unavailable', code: 'BrandNew' },
  { from: 'a new code, 409', status: 409, text: moto('BrandNew'), kind: 'conflict', code: 'BrandNew' },
  { from: 'a new code, 418', status: 418, text: moto('BrandNew'), kind: 'invalid', code: 'BrandNew' },
  { from: 'a limiter before it', status: 429, text: 'slow down', kind: 'throttled' },
  {
    from: 'a web server',
    status: 404,
    headers: { 'content-type': 'text/html' },
    text: '<html><body>Not found</body></html>',
    kind: 'unavailable',
  },
  { from: 'a web server, HEAD', status: 404, headers: { 'content-type': 'text/html' }, kind: 'unavailable' },
  {
    from: 'a login page',
    status: 403,
    headers: { 'content-type': 'text/html' },
    text: '<!DOCTYPE html><p>Sign in</p>',
    kind: 'unavailable',
  },
  {
    from: 'a JSON server',
    status: 404,
    headers: { 'content-type': 'application/json' },
    text: '{"Code":"NoSuchKey"}',
    kind: 'unavailable',
  },
  { from: 'a cut answer', status: 404, text: minio('NoSuchKey', 'x').slice(0, 90), kind: 'unavailable' },
  { from: 'an empty answer', status: 404, text: '', kind: 'unavailable' },
  { from: 'XML of another kind', status: 404, text: '<Fault><Code>NoSuchKey</Code></Fault>', kind: 'unavailable' },
];

describe('what refusals of S3 servers mean', () => {
  it.each(ROWS.map((row) => [`${row.from}: ${row.status} ${row.code ?? ''} is ${row.kind}`, row] as const))(
    '%s',
    (_, row) => {
      const error = answerFailure({
        backend: 'b',
        action: 'try',
        status: row.status,
        headers: row.headers ?? {},
        text: row.text,
      });
      expect({ kind: error.kind, code: error.vendorCode, backend: error.backend }).toEqual({
        kind: row.kind,
        code: row.code,
        backend: 'b',
      });
    },
  );

  it('tells the request id, the wait asked for, the region to ask in, and what was said', () => {
    const headers = { 'x-amz-request-id': 'R1', 'retry-after': '3', 'x-amz-bucket-region': 'eu-west-1' };
    const error = answerFailure({
      backend: 'b',
      action: 'try it',
      status: 301,
      headers,
      text: minio('PermanentRedirect', 'it&#39;s &lt;there&gt;'),
    });
    expect(error).toMatchObject({ kind: 'invalid', vendorRequestId: 'R1', retryAfterMs: 3000 });
    expect(error.message).toBe(
      "backend b refused to try it: PermanentRedirect: it's <there> (the container lies in region eu-west-1)",
    );
  });

  it('takes HTML without any header of S3 for a stranger', () => {
    expect(isForeign({ 'content-type': 'text/html' })).toBe(true);
    expect(isForeign({ 'content-type': 'text/html', 'x-amz-request-id': '1' })).toBe(false);
    expect(isForeign({})).toBe(false);
  });
});
