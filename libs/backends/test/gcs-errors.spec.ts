import { describe, expect, it } from '@jest/globals';
import type { BackendErrorKind } from '../src/index.js';
import { failure } from './conformance/stage.js';
import { against, json, readAll, refusal, resourceOf } from './gcs-loopback.js';
import type { Answer } from './gcs-loopback.js';

const call = { requestId: 'test' };
const which = { container: 'bucket', key: 'k' };
const put = { ...which, body: Buffer.from('abc'), attributes: { headers: {}, metadata: {}, tags: {} } };

describe('refusals of GCS in the words of the port', () => {
  const documented: [status: number, reason: string, message: string, kind: BackendErrorKind][] = [
    [400, 'invalid', 'Invalid argument.', 'invalid'],
    [400, 'invalid', 'Provided MD5 hash "a" doesn\'t match calculated MD5 hash "b".', 'integrity'],
    [400, 'invalid', 'Provided CRC32C "a" doesn\'t match calculated CRC32C "b".', 'integrity'],
    [400, 'invalidParameter', 'Bad', 'invalid'],
    [400, 'required', 'Required', 'invalid'],
    [400, 'someReasonOfTomorrow', 'Bad', 'invalid'],
    [401, 'required', 'Anonymous caller does not have storage.objects.get access', 'denied'],
    [401, 'authError', 'Invalid Credentials', 'denied'],
    [403, 'forbidden', 'x does not have storage.objects.get access', 'denied'],
    [403, 'insufficientPermissions', 'Insufficient Permission', 'denied'],
    [403, 'accountDisabled', 'The account for the project has been disabled', 'denied'],
    [403, 'userRateLimitExceeded', 'Slow', 'throttled'],
    [403, 'rateLimitExceeded', 'Slow', 'throttled'],
    [403, 'quotaExceeded', 'Quota', 'throttled'],
    [403, 'retentionPolicyNotMet', 'Object is subject to retention', 'conflict'],
    [403, 'objectUnderActiveHold', 'Object is under active hold', 'conflict'],
    [404, 'notFound', 'No such object: bucket/k', 'not-found'],
    [405, 'methodNotAllowed', 'No', 'unsupported'],
    [408, 'uploadBrokenConnection', 'Broken', 'unavailable'],
    [409, 'conflict', 'You already own this bucket.', 'conflict'],
    [411, 'required', 'Content-Length', 'invalid'],
    [412, 'conditionNotMet', 'At least one of the pre-conditions you specified did not hold.', 'precondition'],
    [413, 'uploadTooLarge', 'Big', 'invalid'],
    [416, 'requestedRangeNotSatisfiable', 'Range', 'invalid'],
    [429, 'rateLimitExceeded', 'The object exceeded the rate limit for object mutation operations', 'throttled'],
    [500, 'backendError', 'Backend Error', 'unavailable'],
    [500, 'internalError', 'Internal', 'unavailable'],
    [502, 'someReasonOfTomorrow', 'Bad gateway', 'unavailable'],
    [503, 'backendError', 'We encountered an internal error. Please try again.', 'unavailable'],
    [504, 'gatewayTimeout', 'Timeout', 'timeout'],
  ];
  it.each(documented)('%i %s (%s) is %4$s', async (status, reason, message, kind) => {
    const headers = { 'x-guploader-uploadid': 'request-7', 'retry-after': '3' };
    await against(
      (_, answer) => json(answer, status, refusal(status, reason, message), headers),
      async (backend) => {
        const failed = await failure(backend.put(call, put), kind);
        expect(failed).toMatchObject({
          vendorCode: reason,
          vendorRequestId: 'request-7',
          retryAfterMs: 3000,
          backend: 'gcs',
        });
        expect(failed.message).toContain(message);
      },
    );
  });

  const foreign: [title: string, answer: Answer][] = [
    [
      'a 404 page of a web server',
      (_, a) => void a.writeHead(404, { 'content-type': 'text/html' }).end('<html>404</html>'),
    ],
    [
      'a 200 page of a web server',
      (_, a) => void a.writeHead(200, { 'content-type': 'text/html' }).end('<html>hi</html>'),
    ],
    ['JSON of another service', (_, a) => json(a, 404, { message: 'not found' })],
    ['a resource without a generation', (_, a) => json(a, 200, resourceOf({ generation: undefined }))],
    ['a resource whose date is none', (_, a) => json(a, 200, resourceOf({ updated: 'soon' }))],
    ['a redirect', (_, a) => void a.writeHead(302, { location: 'https://login.example' }).end()],
    ['a cut answer', (_, a) => void a.writeHead(200, { 'content-length': '500' }).write('{"na', () => a.destroy())],
    ['an empty 204', (_, a) => void a.writeHead(204).end()],
  ];
  it.each(foreign)('%s says nothing about an object: unavailable', async (_, answer) => {
    await against(answer, async (backend) => {
      await failure(backend.head(call, which), 'unavailable');
      await failure(backend.get(call, { ...which, token: '1' }), 'unavailable');
      await failure(backend.put(call, put), 'unavailable');
      await failure(backend.list(call, { container: 'bucket', include: 'current', limit: 1 }), 'unavailable');
      await failure(backend.inspectContainer(call, 'bucket'), 'unavailable');
      await failure(backend.listContainers(call), 'unavailable');
      await failure(backend.createContainer(call, { container: 'a-legal-name' }), 'unavailable');
    });
  });

  it('takes the plain text of a media request for GCS’s own only by its upload id', async () => {
    for (const [headers, kind] of [
      [{ 'x-guploader-uploadid': 'u' }, 'not-found'],
      [{}, 'unavailable'],
    ] as const)
      await against(
        (incoming, answer) => {
          if (incoming.url?.includes('alt=media')) answer.writeHead(404, headers).end('No such object: bucket/k');
          else json(answer, 200, resourceOf());
        },
        async (backend) => {
          await failure(backend.get(call, which), kind);
        },
      );
  });

  it('does not pass on bytes that are not as they are stored', async () => {
    const media: [status: number, headers: Record<string, string>, bytes: string][] = [
      [200, {}, 'decoded!'],
      [200, { 'x-goog-generation': '5' }, 'abc'],
      [206, { 'content-range': 'bytes 0-2/3' }, 'abc'],
    ];
    const asStored: typeof media = [
      [200, {}, 'abc'],
      [200, { 'x-goog-generation': '1700000000000001' }, 'abc'],
    ];
    for (const [status, headers, bytes] of [...media, ...asStored])
      await against(
        (incoming, answer) => {
          const length = { 'content-length': String(bytes.length) };
          if (incoming.url?.includes('alt=media')) answer.writeHead(status, { ...length, ...headers }).end(bytes);
          else json(answer, 200, resourceOf());
        },
        async (backend) => {
          if (bytes === 'abc' && status === 200 && headers['x-goog-generation'] !== '5') {
            expect((await readAll((await backend.get(call, which)).body)).toString()).toBe('abc');
          } else await failure(backend.get(call, which), 'unavailable');
        },
      );
  });

  it('removes what arrived damaged, and says integrity', async () => {
    await against(
      async (incoming, answer) => {
        await readAll(incoming);
        if (incoming.method === 'DELETE') answer.writeHead(204).end();
        else json(answer, 200, resourceOf({ crc32c: 'AAAAAA==' }));
      },
      async (backend, { seen }) => {
        async function* body(): AsyncGenerator<Uint8Array> {
          yield await Promise.resolve(Buffer.from('abc'));
        }
        await failure(backend.put(call, { ...put, body: body(), size: 3 }), 'integrity');
        const removal = seen.find(({ method }) => method === 'DELETE');
        expect(removal?.url.searchParams.get('ifGenerationMatch')).toBe('1700000000000001');
      },
    );
  });

  it('says by how much a body differs from its size', async () => {
    async function* body(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.from('abc'));
    }
    await against(
      () => undefined,
      async (backend) => {
        const short = await failure(backend.put(call, { ...put, body: body(), size: 5 }), 'invalid');
        expect(short.message).toBe('the body ended after 3 of the 5 bytes announced');
        const long = await failure(backend.put(call, { ...put, body: body(), size: 2 }), 'invalid');
        expect(long.message).toBe('the body is longer than the 2 bytes announced');
      },
    );
  });

  it('refuses what no URL, header or generation can hold, before anything is sent', async () => {
    await against(
      () => undefined,
      async (backend, { seen }) => {
        await failure(backend.head(call, { container: '', key: 'k' }), 'invalid');
        await failure(backend.head(call, { container: 'b', key: '\ud800' }), 'invalid');
        await failure(backend.get(call, { ...which, token: '0' }), 'not-found');
        await failure(backend.head(call, { ...which, token: 'an-etag' }), 'not-found');
        expect(await backend.delete(call, { ...which, token: '0' })).toBe('absent');
        const bad = [
          { headers: { contentType: 'a\r\nb' } },
          { storageClass: 'GLACIER' },
          { metadata: { 'spumoni-write': 'x' } },
          { metadata: { big: 'x'.repeat(4097) } },
          { metadata: { a: 'x'.repeat(4000), b: 'x'.repeat(4000), c: 'x'.repeat(400) } },
          { tags: Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`tag${n}`, 'ü'.repeat(256)])) },
        ];
        for (const attributes of bad)
          await failure(backend.put(call, { ...put, attributes: { ...put.attributes, ...attributes } }), 'invalid');
        expect(seen).toEqual([]);
      },
    );
  });
});
