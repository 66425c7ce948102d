import { afterEach, describe, expect, it } from '@jest/globals';
import { sourceFailureOf } from '../src/wire/index.js';
import { call, chunks, closeAll, failure, read, recorder, wireTo } from './wire-fixture.js';

afterEach(closeAll);

describe('wire: exact bodies', () => {
  it.each([
    ['in one chunk', [10]],
    ['in many', [1, 0, 4, 5]],
    ['empty', []],
    ['of empty chunks', [0, 0]],
  ])('sends a stream of the announced length %s', async (_, sizes) => {
    const { listener, received } = recorder();
    const wire = await wireTo(listener);
    const size = sizes.reduce((sum, each) => sum + each, 0);
    const answer = await wire.send(
      { method: 'PUT', path: '/', headers: {}, body: chunks(...sizes), contentLength: size },
      call,
    );
    expect(answer.status).toBe(200);
    answer.body.discard();
    const { bytes, complete, request } = await received;
    expect([bytes, complete, request.headers['content-length']]).toEqual([size, true, String(size)]);
  });

  it.each([
    ['longer by a byte in the last chunk', [5, 6]],
    ['longer by a chunk after its end', [5, 5, 1]],
    ['shorter by a byte', [5, 4]],
    ['longer, in one chunk', [11]],
    ['empty', []],
  ])('fails with invalid, and completes nothing at the vendor, when a body is %s', async (_, sizes) => {
    const { listener, received } = recorder();
    const wire = await wireTo(listener);
    await failure(
      wire.send({ method: 'PUT', path: '/', headers: {}, body: chunks(...sizes), contentLength: 10 }, call),
      'invalid',
    );
    // Nothing may have been sent at all; a request that began must not be complete.
    const probe = await wire.send({ method: 'PUT', path: '/', headers: {}, body: chunks(1), contentLength: 1 }, call);
    probe.body.discard();
    const first = await received;
    expect(first.complete && first.bytes === 10).toBe(false);
  });

  it('refuses bytes in memory of another length than announced', async () => {
    const wire = await wireTo(recorder().listener);
    await failure(
      wire.send({ method: 'PUT', path: '/', headers: {}, body: Buffer.alloc(3), contentLength: 4 }, call),
      'invalid',
    );
  });

  it('tells a failing source from a failing vendor', async () => {
    const { listener, received } = recorder();
    const wire = await wireTo(listener);
    const gone = new Error('the client went away');
    const body = (async function* () {
      yield Buffer.alloc(4);
      yield Buffer.alloc(4);
      throw gone;
    })();
    const error = await failure(
      wire.send({ method: 'PUT', path: '/', headers: {}, body, contentLength: 10 }, call),
      'invalid',
    );
    expect(sourceFailureOf(error)?.cause).toBe(gone);
    expect((await received).complete).toBe(false);
  });

  it('gives an answer that comes before the body has ended, and stops reading its source', async () => {
    let returned: () => void = () => undefined;
    const stopped = new Promise<void>((resolve) => (returned = resolve));
    const wire = await wireTo((request, response) => {
      request.on('error', () => undefined);
      request.once('data', () => response.writeHead(403, { connection: 'close' }).end('no'));
    });
    const body = (async function* () {
      try {
        for (;;) {
          yield Buffer.alloc(100);
          await new Promise((resolve) => setImmediate(resolve));
        }
      } finally {
        returned();
      }
    })();
    const answer = await wire.send({ method: 'PUT', path: '/', headers: {}, body, contentLength: 1e12 }, call);
    expect(answer.status).toBe(403);
    await read(answer.body);
    await stopped;
  });
});
