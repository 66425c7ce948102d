import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { inSpan, openTracing, type SpanStart, type Tracing } from '../src/index.js';
import { OtlpReceiver } from './otlp-receiver.js';

const REQUEST: SpanStart = { name: 'request', kind: 'server' };
const KEPT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const DROPPED = KEPT.replace(/01$/, '00');

describe('traces, sent to a receiver of OTLP/HTTP', () => {
  let receiver: OtlpReceiver;
  let troubles: Error[];
  const opened: Tracing[] = [];
  beforeEach(async () => {
    receiver = await OtlpReceiver.start();
    troubles = [];
  });
  afterEach(async () => {
    await receiver.close();
    await Promise.all(opened.splice(0).map((tracing) => tracing.close()));
  });

  const open = async (options: { ratio?: number; everyMs?: number } = {}): Promise<Tracing> => {
    const { endpoint } = receiver;
    const headers = { 'x-token': 'abc' };
    // Of this test alone: an earlier one's last post may still be under way.
    const told = troubles;
    const onTrouble = (error: Error): number => told.push(error);
    const fixed = { endpoint, headers, showsKeys: false, service: 'spumoni-test', onTrouble };
    const tracing = await openTracing({ ratio: 1, ...fixed, ...options });
    opened.push(tracing);
    return tracing;
  };

  it('show the parts of a request under it, with what they say, and are sent at the close', async () => {
    const tracing = await open();
    await inSpan(tracing, { ...REQUEST, attributes: { 'http.request.method': 'PUT' } }, async (span) => {
      await inSpan(tracing, { name: 'part', kind: 'client' }, () => {
        tracing.active()?.count('attempts');
        tracing.active()?.count('attempts');
        return Promise.resolve();
      });
      span.rename('putObject');
    });
    expect(tracing.active()).toBeUndefined();
    await tracing.close();
    const [[request], [part]] = [receiver.named('putObject'), receiver.named('part')];
    expect(request).toMatchObject({ kind: 2, service: 'spumoni-test', attributes: { 'http.request.method': 'PUT' } });
    expect(part).toMatchObject({ kind: 3, traceId: request?.traceId, parentSpanId: request?.spanId });
    expect(part?.attributes).toEqual({ attempts: 2 });
    expect(receiver.headers[0]).toMatchObject({ 'x-token': 'abc', 'content-type': 'application/json' });
  });

  it('go on with the trace that came in, and pass it on', async () => {
    const tracing = await open();
    const span = tracing.begin({ ...REQUEST, parent: KEPT });
    expect(span.traceparent).toBe(`00-0af7651916cd43dd8448eb211c80319c-${span.traceparent.slice(36, 52)}-01`);
    span.end();
    tracing.begin({ ...REQUEST, name: 'new', parent: 'nonsense' }).end();
    await tracing.close();
    expect(receiver.named('request')[0]).toMatchObject({ traceId: span.traceId, parentSpanId: 'b7ad6b7169203331' });
    expect(receiver.named('new')[0]?.traceId).not.toBe(span.traceId);
  });

  it('name a failure by its code alone', async () => {
    const tracing = await open();
    const failing = inSpan(
      tracing,
      REQUEST,
      () => Promise.reject(new Error('key a/secret')),
      () => 'unavailable',
    );
    await expect(failing).rejects.toThrow('a/secret');
    await tracing.close();
    expect(receiver.named('request')[0]).toMatchObject({
      status: { code: 2 },
      attributes: { 'error.type': 'unavailable' },
    });
    expect(receiver.text).not.toContain('secret');
  });

  it('keep the share that is asked for: a trace as a whole, one that came in as its sender says, and what another led to as that one', async () => {
    const tracing = await open({ ratio: 0 });
    tracing.begin(REQUEST).end();
    tracing.begin({ ...REQUEST, name: 'sent on', parent: KEPT }).end();
    tracing.begin({ ...REQUEST, name: 'not sent on', parent: DROPPED }).end();
    tracing.begin({ ...REQUEST, name: 'led to', cause: KEPT }).end();
    tracing.begin({ ...REQUEST, name: 'not led to', cause: DROPPED }).end();
    await tracing.close();
    expect(receiver.spans.map(({ name }) => name).sort()).toEqual(['led to', 'sent on']);
    const [led] = receiver.named('led to');
    expect(led?.links).toEqual([{ traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' }]);
    expect(led?.traceId).not.toBe('0af7651916cd43dd8448eb211c80319c');
  });

  it.each([
    ['refuses', (one: OtlpReceiver) => (one.refusesWith = 400)],
    ['is silent', (one: OtlpReceiver) => (one.isSilent = true)],
    [
      'is away',
      (one: OtlpReceiver) =>
        one
          .close()
          .then(() => OtlpReceiver.start())
          .then((next) => (receiver = next)),
    ],
  ])('hurt nobody where the receiver %s: nothing waits, nothing is thrown, and it is told once', async (_, fail) => {
    const tracing = await open({ everyMs: 10 });
    await fail(receiver);
    for (let batch = 0; batch < 20; batch += 1) {
      for (let count = 0; count < 600; count += 1) tracing.begin(REQUEST).end();
      expect(await inSpan(tracing, REQUEST, () => Promise.resolve('served'))).toBe('served');
    }
    await tracing.close();
    expect(troubles.length).toBeLessThanOrEqual(1);
    expect(receiver.spans).toEqual([]);
  });
});
