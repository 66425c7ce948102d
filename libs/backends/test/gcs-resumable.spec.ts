import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { bytesOf } from './conformance/bytes.js';
import { causes, failure, PLAIN } from './conformance/stage.js';
import { against, json, readAll, refusal, resourceOf } from './gcs-loopback.js';

const KIB = 1024;
const CHUNK = 256 * KIB;
const call = { requestId: 'test' };
const options = { chunkBytes: CHUNK };

/** What goes wrong with one request to a session. */
type Fault =
  | { readonly kind: 'cut'; readonly after: number }
  | { readonly kind: 'answer-lost' }
  | { readonly kind: 'partial'; readonly keeps: number };

/** Upload sessions as GCS documents them: bytes are kept in multiples of 256 KiB, a session tells how far it is, and ends with its total. */
class Sessions {
  stored: Buffer | undefined;
  statusAsked = 0;
  cancelled = 0;
  readonly sizes: number[] = [];
  #bytes = Buffer.alloc(0);
  readonly #faults: (Fault | undefined)[];

  constructor(faults: readonly (Fault | undefined)[] = []) {
    this.#faults = [...faults];
  }

  readonly answer = async (incoming: IncomingMessage, answer: ServerResponse): Promise<void> => {
    if (incoming.method === 'POST') {
      await readAll(incoming);
      json(answer, 200, {}, { location: 'https://storage.googleapis.com/upload/session?upload_id=u%2F1' });
    } else if (incoming.method === 'DELETE') {
      this.cancelled++;
      answer.writeHead(499, { 'x-guploader-uploadid': 'u' }).end();
    } else await this.#put(incoming, answer);
  };

  async #put(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const [, extent, total] = /^bytes (\d+-\d+|\*)\/(\d+|\*)$/.exec(incoming.headers['content-range'] ?? '') ?? [];
    const asksStatus = extent === '*' && total === '*';
    const fault = asksStatus ? undefined : this.#faults.shift();
    if (asksStatus) this.statusAsked++;
    const arrived = await this.#receive(incoming, fault);
    if (extent !== undefined && extent !== '*') {
      const start = Number(extent.split('-')[0]);
      expect(start).toBe(this.#bytes.length);
      this.sizes.push(arrived.length);
    }
    const complete = this.#bytes.length + arrived.length === Number(total);
    const kept = complete ? arrived.length : Math.min(arrived.length - (arrived.length % CHUNK), keptBy(fault));
    this.#bytes = Buffer.concat([this.#bytes, arrived.subarray(0, kept)]);
    if (complete && kept === arrived.length) this.stored = this.#bytes;
    if (fault?.kind === 'cut' || fault?.kind === 'answer-lost') answer.destroy();
    else if (this.stored) json(answer, 200, resourceOf({ size: String(this.stored.length) }));
    else answer.writeHead(308, this.#bytes.length > 0 ? { range: `bytes=0-${this.#bytes.length - 1}` } : {}).end();
  }

  async #receive(incoming: IncomingMessage, fault: Fault | undefined): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let total = 0;
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      total += chunk.length;
      if (fault?.kind === 'cut' && total >= fault.after) break;
    }
    const all = Buffer.concat(chunks);
    return fault?.kind === 'cut' ? all.subarray(0, Math.min(fault.after, Math.max(0, all.length - 1))) : all;
  }
}

const keptBy = (fault: Fault | undefined): number => (fault?.kind === 'partial' ? fault.keeps : Infinity);

async function* pieces(bytes: Uint8Array, sizes: readonly number[] = [70_001]): AsyncGenerator<Uint8Array> {
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? bytes.length;
    yield await Promise.resolve(bytes.subarray(at, at + size));
    at += size;
  }
}

const upload = (body: AsyncIterable<Uint8Array>) => ({ container: 'bucket', key: 'k', body, attributes: PLAIN });

describe('resumable uploads', () => {
  it('send whole chunks, ask for nothing, and cancel nothing when all goes well', async () => {
    const sessions = new Sessions();
    const bytes = bytesOf(1, 2 * CHUNK + 5);
    await against(
      sessions.answer,
      async (backend) => {
        await backend.put(call, upload(pieces(bytes)));
      },
      options,
    );
    expect(sessions.stored?.equals(bytes)).toBe(true);
    expect(sessions).toMatchObject({ sizes: [CHUNK, CHUNK, 5], statusAsked: 0, cancelled: 0 });
  });

  it('store exactly the bytes of the body whatever is cut, lost or kept in part on the way', async () => {
    const fault = fc.oneof(
      { weight: 2, arbitrary: fc.constant(undefined) },
      fc.record({ kind: fc.constant('cut' as const), after: fc.nat({ max: 3 * CHUNK }) }),
      fc.constant({ kind: 'answer-lost' as const }),
      fc.record({ kind: fc.constant('partial' as const), keeps: fc.constantFrom(0, CHUNK) }),
    );
    // No two faults in a row: a session that twice does not move is given up.
    const faults = fc.array(fault, { maxLength: 5 }).map((list) => list.flatMap((one) => [one, undefined]));
    const size = fc.tuple(fc.integer({ min: 2, max: 6 }), fc.constantFrom(-1, 0, 1, 777));
    await fc.assert(
      fc.asyncProperty(faults, size, async (planned, [chunks, more]) => {
        const sessions = new Sessions(planned);
        const bytes = bytesOf(2, chunks * CHUNK + more);
        await against(
          sessions.answer,
          async (backend) => {
            const written = await backend.put(call, upload(pieces(bytes)));
            expect(written.size).toBe(bytes.length);
          },
          { chunkBytes: 2 * CHUNK, ...(chunks < 3 ? options : {}) },
        );
        expect(sessions.stored?.equals(bytes)).toBe(true);
        expect(sessions.cancelled).toBe(0);
      }),
      { numRuns: 40 },
    );
  }, 60_000);

  it('give a session up that twice does not move, and cancel it', async () => {
    const stuck: Fault = { kind: 'partial', keeps: 0 };
    const sessions = new Sessions([undefined, stuck, stuck]);
    await against(
      sessions.answer,
      async (backend) => {
        await failure(backend.put(call, upload(pieces(bytesOf(3, 4 * CHUNK)))), 'unavailable');
      },
      options,
    );
    expect(sessions).toMatchObject({ stored: undefined, cancelled: 1 });
  });

  it('are cancelled when the body fails, whose error is the cause', async () => {
    const sessions = new Sessions();
    const error = new Error('the client vanished');
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield* pieces(bytesOf(4, 2 * CHUNK + 9));
      throw error;
    }
    await against(
      sessions.answer,
      async (backend) => expect(causes(await failure(backend.put(call, upload(broken()))))).toContain(error),
      options,
    );
    expect(sessions).toMatchObject({ stored: undefined, cancelled: 1 });
  });

  it('are cancelled when the call is given up, also while a client that sends nothing is waited for', async () => {
    const sessions = new Sessions();
    const controller = new AbortController();
    const hang = Promise.withResolvers<undefined>();
    async function* silent(): AsyncGenerator<Uint8Array> {
      yield* pieces(bytesOf(5, 2 * CHUNK + 9));
      controller.abort(new Error('given up'));
      await hang.promise;
    }
    await against(
      sessions.answer,
      async (backend) => {
        await failure(backend.put({ ...call, signal: controller.signal }, upload(silent())), 'timeout');
      },
      options,
    );
    hang.resolve(undefined);
    expect(sessions).toMatchObject({ stored: undefined, cancelled: 1 });
  });

  it('do not go on with a call that is given up while a chunk is sent, and close its body', async () => {
    const sessions = new Sessions();
    const controller = new AbortController();
    const reason = new Error('given up');
    let closed = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield* pieces(bytesOf(8, CHUNK));
      } finally {
        closed = true;
      }
    }
    await against(
      async (incoming, answer) => {
        if (incoming.method === 'PUT') controller.abort(reason);
        else await sessions.answer(incoming, answer);
      },
      async (backend) => {
        const failed = await failure(backend.put({ ...call, signal: controller.signal }, upload(endless())), 'timeout');
        expect(causes(failed)).toContain(reason);
      },
      options,
    );
    expect(sessions).toMatchObject({ statusAsked: 0, cancelled: 1 });
    expect(closed).toBe(true);
  });

  it('report a session that is gone as an outage, and a cancellation that fails beside the failure', async () => {
    const gone = new Sessions();
    await against(
      async (incoming, answer) => {
        if (incoming.method === 'POST') await gone.answer(incoming, answer);
        else if (incoming.method === 'PUT') json(answer, 410, refusal(410, 'gone'));
        else json(answer, 503, refusal(503, 'backendError', 'no cancelling today'));
      },
      async (backend) => {
        const failed = await failure(backend.put(call, upload(pieces(bytesOf(6, 3 * CHUNK)))), 'unavailable');
        expect(failed.message).toMatch(/session is gone/);
        const { errors } = failed.cause as AggregateError;
        expect(String(errors[1])).toMatch(/no cancelling today/);
      },
      options,
    );
  });

  it('fail with precondition where the last chunk meets another write', async () => {
    const sessions = new Sessions();
    await against(
      async (incoming, answer) => {
        const last = incoming.headers['content-range']?.endsWith('/*') === false;
        if (last) json(answer, 412, refusal(412, 'conditionNotMet'));
        else await sessions.answer(incoming, answer);
      },
      async (backend) => {
        const conditional = { ...upload(pieces(bytesOf(7, CHUNK + 9))), condition: { ifAbsent: true } as const };
        await failure(backend.put(call, conditional), 'precondition');
      },
      options,
    );
  });
});
