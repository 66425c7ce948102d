import { S3Client, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encodeKeyPath, encodeQuery, Signer } from '../src/aws/signer.js';

/** The examples of docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
const EXAMPLE = {
  accessKey: 'AKIAIOSFODNN7EXAMPLE',
  secretKey: { reveal: () => 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' },
  region: 'us-east-1',
};
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const host = 'examplebucket.s3.amazonaws.com';

const signatureOf = (headers: readonly string[]): string | undefined =>
  /Signature=([0-9a-f]{64})$/.exec(headers.at(-1) ?? '')?.[1];

describe('signature version 4', () => {
  const signer = new Signer({ ...EXAMPLE, now: () => new Date('2013-05-24T00:00:00Z') });

  it.each([
    [
      'GET with a range',
      { method: 'GET', path: '/test.txt', query: '', headers: [['range', 'bytes=0-9']] },
      EMPTY,
      'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    ],
    [
      'PUT of an odd key',
      {
        method: 'PUT',
        path: `/${encodeKeyPath('test$file.text')}`,
        query: '',
        headers: [
          ['date', 'Fri, 24 May 2013 00:00:00 GMT'],
          ['x-amz-storage-class', 'REDUCED_REDUNDANCY'],
        ],
      },
      '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
      '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
    ],
    [
      'a sub-resource',
      { method: 'GET', path: '/', query: encodeQuery({ lifecycle: '' }), headers: [] },
      EMPTY,
      'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
    ],
    [
      'a listing',
      { method: 'GET', path: '/', query: encodeQuery({ prefix: 'J', 'max-keys': '2' }), headers: [] },
      EMPTY,
      '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
    ],
  ] as const)('signs as AWS documents: %s', (_, request, payload, expected) => {
    expect(signatureOf(signer.sign({ ...request, host }, payload))).toBe(expected);
  });

  it('changes its key with the day', () => {
    let now = new Date('2026-11-21T23:59:59Z');
    const clock = new Signer({ ...EXAMPLE, now: () => now });
    const request = { method: 'GET', host, path: '/', query: '', headers: [] };
    clock.sign(request);
    now = new Date('2026-11-22T00:00:00Z');
    expect(clock.sign(request)).toEqual(new Signer({ ...EXAMPLE, now: () => now }).sign(request));
  });

  it('sends a session token, signed', () => {
    const signed = new Signer({ ...EXAMPLE, sessionToken: { reveal: () => 'session' } }).sign({
      method: 'GET',
      host,
      path: '/',
      query: '',
      headers: [],
    });
    expect(signed).toContain('x-amz-security-token');
    expect(signed.at(-1)).toMatch(/SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,/);
  });
});

interface Sent {
  readonly method: string;
  readonly hostname: string;
  readonly path: string;
  readonly query?: Record<string, string>;
  readonly headers: Record<string, string>;
}

/** What the SDK would send. */
async function sentBySdk(key: string, metadata: Record<string, string>, versionId: string): Promise<Sent[]> {
  const sent: Sent[] = [];
  const client = new S3Client({
    region: 'eu-west-1',
    credentials: { accessKeyId: EXAMPLE.accessKey, secretAccessKey: EXAMPLE.secretKey.reveal() },
    maxAttempts: 1,
    requestHandler: {
      handle: (request: Sent) => {
        sent.push(request);
        return Promise.reject(new Error('not sent'));
      },
    },
  });
  const calls = [
    client.send(new GetObjectCommand({ Bucket: 'bucket', Key: key, VersionId: versionId, Range: 'bytes=1-2' })),
    client.send(new PutObjectCommand({ Bucket: 'bucket', Key: key, Metadata: metadata, Body: 'x' })),
  ];
  await Promise.allSettled(calls);
  client.destroy();
  return sent;
}

describe('beside the SDK’s own signer', () => {
  it('signs any key, version and metadata alike', async () => {
    const text = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 30 })
      .filter((one) => !/^\.{1,2}$|^\/|\0/.test(one));
    const value = fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/);
    await fc.assert(
      fc.asyncProperty(text, value, fc.uuid(), async (key, metadata, versionId) => {
        const requests = await sentBySdk(key, { a: metadata }, versionId);
        expect(requests).toHaveLength(2);
        for (const { method, hostname, path, query = {}, headers } of requests) {
          const { authorization = '', 'x-amz-date': date = '', 'x-amz-content-sha256': payload = '' } = headers;
          const names = /SignedHeaders=([^,]+)/.exec(authorization)?.[1]?.split(';') ?? [];
          const now = new Date(date.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5'));
          const ours = new Signer({ ...EXAMPLE, region: 'eu-west-1', now: () => now });
          const own = ['host', 'x-amz-date', 'x-amz-content-sha256'];
          const signed = names
            .filter((name) => !own.includes(name))
            .map((name) => [name, headers[name] ?? ''] as const);
          const request = {
            method,
            host: hostname,
            path: `/${encodeKeyPath(key)}`,
            query: encodeQuery(query),
            headers: signed,
          };
          expect(path).toBe(request.path);
          expect(signatureOf(ours.sign(request, payload))).toBe(/Signature=(.*)$/.exec(authorization)?.[1]);
        }
      }),
      { numRuns: 25 },
    );
  });
});
