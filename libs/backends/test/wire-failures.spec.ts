import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { createServer as createTcpServer } from 'node:net';
import type { Socket } from 'node:net';
import { call, closeAll, failure, listen, open, read, recorder, wireTo, wireToSocket } from './wire-fixture.js';

afterEach(async () => {
  jest.useRealTimers();
  await closeAll();
});

/** From now on timers alone stand still until they are moved on: what comes over a socket comes as ever. */
function stopTimers(): void {
  jest.useFakeTimers({
    doNotFake: ['Date', 'hrtime', 'nextTick', 'performance', 'queueMicrotask', 'setImmediate', 'clearImmediate'],
  });
}

/** Lets everything arrive that is under way between sockets of this process. */
async function arrivals(): Promise<void> {
  for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

describe('wire: failures', () => {
  it('answers unavailable where nobody listens, and where the name does not exist', async () => {
    const server = createTcpServer();
    const origin = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    expect(
      (await failure(open(origin).send({ method: 'GET', path: '/', headers: {} }, call), 'unavailable')).message,
    ).toContain('refused');
    await failure(open('http://nowhere.invalid').send({ method: 'GET', path: '/', headers: {} }, call), 'unavailable');
  });

  it.each([
    ['cut before the headers', (socket: Socket) => socket.destroy()],
    ['not HTTP', (socket: Socket) => socket.end('220 mail ready\r\n')],
  ])('answers unavailable when the answer is %s', async (_, answer) => {
    const wire = await wireToSocket(answer);
    expect((await failure(wire.send({ method: 'GET', path: '/', headers: {} }, call), 'unavailable')).retryable).toBe(
      true,
    );
  });

  it('throws unavailable from a body that is cut, after the bytes that came', async () => {
    const wire = await wireToSocket((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc'));
    const { body } = await wire.send({ method: 'GET', path: '/', headers: {} }, call);
    await failure(read(body), 'unavailable');
  });

  it('times out on silence before the answer and in the middle of it', async () => {
    const mute = await wireToSocket(() => undefined);
    await failure(mute.send({ method: 'GET', path: '/', headers: {} }, { ...call, deadlineMs: 30 }), 'timeout');
    const stuck = await wireToSocket((socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc'));
    stopTimers();
    const { body } = await stuck.send({ method: 'GET', path: '/', headers: {} }, { ...call, deadlineMs: 500 });
    const reading = failure(read(body), 'timeout');
    await arrivals();
    jest.advanceTimersByTime(500);
    await reading;
  });

  it('does not take a slow source or a slow reader for a silent vendor', async () => {
    const { listener } = recorder();
    const wire = await wireTo(listener);
    stopTimers();
    const body = (async function* () {
      await arrivals();
      jest.advanceTimersByTime(700);
      yield Buffer.alloc(1);
    })();
    const answer = await wire.send(
      { method: 'PUT', path: '/', headers: {}, body, contentLength: 1 },
      { ...call, deadlineMs: 300 },
    );
    await arrivals();
    jest.advanceTimersByTime(600);
    expect((await read(answer.body)).toString()).toBe('ok');
  });

  it.each(['before', 'during', 'in the body'])('ends with the caller’s reason when aborted %s', async (when) => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const wire = await wireToSocket((socket) => {
      if (when === 'during') controller.abort(reason);
      else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc');
    });
    if (when === 'before') controller.abort(reason);
    const sent = wire.send({ method: 'GET', path: '/', headers: {} }, { ...call, signal: controller.signal });
    const reading = when === 'in the body' ? sent.then(({ body }) => (controller.abort(reason), read(body))) : sent;
    expect((await failure(reading, 'timeout')).cause).toBe(reason);
  });

  it('fails calls under way with unavailable when closed', async () => {
    const wire = await wireToSocket(() => void wire.close());
    await failure(wire.send({ method: 'GET', path: '/', headers: {} }, call), 'unavailable');
    await failure(wire.send({ method: 'GET', path: '/', headers: {} }, call), 'unavailable');
  });

  it('refuses a header that would break the line', async () => {
    const wire = await wireTo(recorder().listener);
    await failure(wire.send({ method: 'GET', path: '/', headers: { 'x-a': 'b\r\nx-c: d' } }, call), 'invalid');
  });
});
