import {
  BlobSASPermissions,
  BlobServiceClient,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';
import type { StoragePipelineOptions } from '@azure/storage-blob';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encodeMetadata } from '#libs/naming';
import { SharedKeySigner } from '../src/azure/signer.js';
import type { Signable } from '../src/azure/signer.js';

const account = 'spumoniaccount';
const key = Buffer.from('a key that is 64 bytes long, as those of storage accounts all are').toString('base64');
const signer = new SharedKeySigner(account, key);

interface Sent extends Signable {
  readonly authorization: string;
}

function lengthOf(body: unknown): number {
  return typeof body === 'string' || Buffer.isBuffer(body) ? Buffer.byteLength(body) : 0;
}

/** What the SDK would send: the request as it leaves its pipeline. */
async function sentBySdk(url: string, make: (service: BlobServiceClient) => Promise<unknown>): Promise<Sent> {
  const seen: Sent[] = [];
  const options: StoragePipelineOptions = {
    retryOptions: { maxTries: 1 },
    httpClient: {
      async sendRequest(request) {
        const { pathname, searchParams } = new URL(request.url);
        const headers = Object.fromEntries(
          Object.entries(request.headers.rawHeaders()).map(([name, value]) => [name.toLowerCase(), value]),
        );
        seen.push({
          method: request.method,
          path: pathname,
          query: Object.fromEntries(searchParams),
          headers,
          contentLength: Number(headers['content-length'] ?? lengthOf(request.body)),
          authorization: headers['authorization'] ?? '',
        });
        throw new Error('not sent');
      },
    },
  };
  const service = new BlobServiceClient(url, new StorageSharedKeyCredential(account, key), options);
  await expect(make(service)).rejects.toThrow();
  const [sent] = seen;
  if (!sent) throw new Error('the SDK sent nothing');
  return sent;
}

const URLS = [`https://${account}.blob.core.windows.net`, `http://127.0.0.1:10000/${account}`];

describe('the signature of a request', () => {
  it.each(URLS)('is the one that the SDK makes, at %s', async (url) => {
    const etag = '"0x8D0"';
    const requests = [
      (service: BlobServiceClient) => service.getContainerClient('c').getBlockBlobClient('a b/ü').upload('hello', 5),
      (service: BlobServiceClient) => service.getContainerClient('c').getBlockBlobClient('empty').upload('', 0),
      (service: BlobServiceClient) =>
        service
          .getContainerClient('c')
          .getBlockBlobClient('k')
          .upload('x', 1, {
            conditions: { ifMatch: etag, ifNoneMatch: '*' },
            tier: 'Cool',
            tags: { a: 'b', 'c d': 'e=f' },
            metadata: { zz: '1', a_x2d_b: '2', a1: '3', _a: '4', ab: '5', a_: '6' },
            blobHTTPHeaders: { blobContentType: 'text/plain; charset=utf-8', blobCacheControl: 'no-cache' },
          }),
      (service: BlobServiceClient) =>
        service
          .getContainerClient('c')
          .getBlockBlobClient('k')
          .download(3, 10, { conditions: { ifMatch: etag } }),
      (service: BlobServiceClient) =>
        service.getContainerClient('c').getBlockBlobClient('k').stageBlock('AAAA', 'xyz', 3),
      (service: BlobServiceClient) =>
        service.getContainerClient('c').getBlockBlobClient('k').commitBlockList(['AAAA', 'BBBB']),
      (service: BlobServiceClient) => service.getContainerClient('c').getBlockBlobClient('k').setTags({ a: 'b' }),
      (service: BlobServiceClient) => service.getContainerClient('c').getBlockBlobClient('k').delete(),
    ];
    for (const make of requests) {
      const sent = await sentBySdk(url, make);
      expect(signer.authorize(sent)).toBe(sent.authorization);
    }
  });

  it('is the one that the SDK makes for any metadata', async () => {
    const name = fc.stringMatching(/^[a-z0-9_.!-]{1,8}$/);
    await fc.assert(
      fc.asyncProperty(fc.dictionary(name, fc.stringMatching(/^[!-~]{1,8}$/), { maxKeys: 8 }), async (given) => {
        const metadata = encodeMetadata(given, 'azure');
        const sent = await sentBySdk(`https://${account}.blob.core.windows.net`, (service) =>
          service.getContainerClient('c').getBlockBlobClient('k').upload('x', 1, { metadata }),
        );
        expect(signer.authorize(sent)).toBe(sent.authorization);
      }),
      { numRuns: 100 },
    );
  });
});

describe('a read link', () => {
  it.each(['plain', 'with space/ü', "q?u#o'te"])('is the one that the SDK makes for %s', (blobName) => {
    const expires = new Date('2031-05-06T07:08:09Z');
    const ours = new URLSearchParams(signer.readLink({ container: 'c', key: blobName }, expires));
    const theirs = generateBlobSASQueryParameters(
      {
        containerName: 'c',
        blobName,
        permissions: BlobSASPermissions.parse('r'),
        expiresOn: expires,
        version: '2020-12-06',
      },
      new StorageSharedKeyCredential(account, key),
    );
    expect(Object.fromEntries(ours)).toEqual(Object.fromEntries(new URLSearchParams(theirs.toString())));
  });

  it('does not bear the key', () => {
    expect(signer.readLink({ container: 'c', key: 'k' }, new Date())).not.toContain(key.slice(0, 20));
    expect(JSON.stringify(signer)).not.toContain(key.slice(0, 20));
  });
});
