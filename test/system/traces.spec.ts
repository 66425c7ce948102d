import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OtlpReceiver, type ReceivedSpan } from '../../libs/tracing/test/otlp-receiver.js';
import { WebhookReceiver } from '../../libs/deployment/test/webhook-receiver.js';
import { objectPath, type Client } from './client.js';
import { RunningSpumoni, until } from './running-spumoni.js';

const WITHIN_MS = 60_000;
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const TRACEPARENT = `00-${TRACE}-${SPAN}-01`;
const TOKEN = 'a-token-for-the-receiver';

describe('the traces of npm start, sent to a receiver of OTLP', () => {
  let receiver: OtlpReceiver;
  let hooks: WebhookReceiver;
  let spumoni: RunningSpumoni;
  let client: Client;
  beforeAll(async () => {
    receiver = await OtlpReceiver.start();
    hooks = new WebhookReceiver();
    await hooks.start();
    const environment = {
      SPUMONI_TRACES_ENDPOINT: receiver.endpoint,
      SPUMONI_TRACES_HEADERS: `x-token=${TOKEN}`,
      SPUMONI_WEBHOOK_PRIVATE: 'true',
      SPUMONI_LOG_LEVEL: 'debug',
    };
    spumoni = await RunningSpumoni.start({ environment });
    client = spumoni.client();
    const options = { path: `${spumoni.dataDirectory}/second` };
    await client.expect(201, 'POST', '/admin/v1/backends', { json: { name: 'second', type: 'filesystem', options } });
    await client.expect(200, 'PUT', '/v1/photos', { json: { name: 'photos', backend: 'local' } });
    const json = { url: hooks.url('/hook'), events: ['object.created'], insecure: true };
    await client.expect(201, 'POST', '/admin/v1/webhooks', { json });
  }, 150_000);
  afterAll(async () => {
    await spumoni.stop();
    hooks.stop();
    await receiver.close();
  }, 60_000);

  /** The one span, once it has come. */
  async function span(what: string, is: (span: ReceivedSpan) => boolean): Promise<ReceivedSpan> {
    let found: ReceivedSpan | undefined;
    await until(`${what} has come`, WITHIN_MS, () => {
      found = receiver.named(what).find(is);
      return Promise.resolve(found !== undefined);
    });
    if (found === undefined) throw new Error(`no span ${what}`);
    return found;
  }
  const under = (parent: ReceivedSpan) => (one: ReceivedSpan) => one.parentSpanId === parent.spanId;

  it('show a request in the trace that its client sent, with its calls; its logs name the trace, its webhook goes on with it', async () => {
    const path = objectPath('photos', 'very/private-name');
    // What is created before the recorder knows of the webhook is of no interest to it.
    await until('the webhook hears', WITHIN_MS, async () => {
      await client.expect(200, 'PUT', objectPath('photos', 'first'), { body: 'x' });
      await client.expect(200, 'DELETE', objectPath('photos', 'first'));
      return hooks.received.length > 0;
    });
    const headers = { traceparent: TRACEPARENT, 'x-request-id': 'request-1' };
    await client.expect(200, 'PUT', path, { body: 'content', headers });
    const request = await span('putObject', ({ traceId }) => traceId === TRACE);
    expect(request).toMatchObject({
      kind: 2,
      parentSpanId: SPAN,
      service: 'spumoni-api',
      attributes: {
        'http.request.method': 'PUT',
        'http.response.status_code': 200,
        'spumoni.bucket': 'photos',
        'spumoni.bytes': 7,
        'spumoni.request_id': 'request-1',
      },
    });
    const put = await span('backend put', under(request));
    expect(put.attributes).toMatchObject({ 'spumoni.backend': 'local', 'spumoni.attempts': 1, 'spumoni.bytes': 7 });
    await span('index change', under(request));
    await until('its log has come', WITHIN_MS, () =>
      Promise.resolve(
        spumoni.output
          .split('\n')
          .some((line) => line.includes('"request-1"') && line.includes(`"traceId":"${TRACE}"`)),
      ),
    );
    const delivery = await span('webhook delivery', under(request));
    expect(delivery).toMatchObject({ traceId: TRACE, service: 'spumoni-worker' });
    const sent = hooks.received.map((one) => one.headers['traceparent']);
    expect(sent).toContain(`00-${TRACE}-${delivery.spanId}-01`);
  }, 120_000);

  it('show what was refused by its code', async () => {
    const headers = { 'x-request-id': 'request-2' };
    await client.expect(404, 'GET', objectPath('photos', 'not-there'), { headers });
    const request = await span('getObject', ({ attributes }) => attributes['spumoni.request_id'] === 'request-2');
    expect(request.attributes).toMatchObject({ 'http.response.status_code': 404, 'spumoni.code': 'no-such-key' });
  }, 60_000);

  it('show a job as a trace of its own, linked to the request that made it, with its calls counted', async () => {
    const json = { bucket: 'photos', destination: { backend: 'second' } };
    const headers = { 'x-request-id': 'request-3' };
    const { id } = (await client.expect(202, 'POST', '/admin/v1/migrations', { json, headers })).json() as {
      id: string;
    };
    const job = await span('job migration', ({ attributes }) => attributes['spumoni.job'] === id);
    const request = await span('/admin/v1/migrations', (one) => one.attributes['spumoni.request_id'] === 'request-3');
    expect(job.links).toEqual([{ traceId: request.traceId, spanId: request.spanId }]);
    expect(job.traceId).not.toBe(request.traceId);
    expect(job.attributes).toMatchObject({
      'spumoni.job.outcome': 'completed',
      'spumoni.calls.put': expect.any(Number),
    });
    expect(receiver.spans.filter(under(job))).toEqual([]);
  }, 120_000);

  it('hold no key, credential or token, and all are sent by the time it has stopped', async () => {
    await client.expect(200, 'GET', objectPath('photos', 'very/private-name'), { headers: { 'x-request-id': 'last' } });
    await spumoni.interrupt();
    const last = receiver.named('getObject').filter(({ attributes }) => attributes['spumoni.request_id'] === 'last');
    expect(last).toHaveLength(1);
    const { accessKey, secretKey } = spumoni.credentials;
    for (const hidden of ['private-name', accessKey, secretKey, TOKEN, 'Basic '])
      expect(receiver.text).not.toContain(hidden);
    expect(spumoni.output).not.toContain(TOKEN);
    expect(receiver.headers.every((one) => one['x-token'] === TOKEN)).toBe(true);
  }, 60_000);
});
