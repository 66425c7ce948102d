import type { ByteRange, GetResult } from '#libs/backends';
import type { KeyAddress, ObjectRecord, Sealing } from '#libs/metadata';
import type { Engine } from '../engine.js';
import { isObjectsError } from '../errors.js';
import { sealedSize, spanOf } from '../sealing/layout.js';
import { dataKeyOf } from '../sealing/sealings.js';
import { damaged, unsealBytes, unsealStream, type Unsealing } from '../sealing/unseal.js';

/** What a backend gives of an object, or of a range of it. */
export type Transfer = Pick<GetResult, 'body' | 'whole' | 'discard'>;

/** Turns what lies at a backend into plain bytes. */
export interface PlainReading {
  /** What to ask the backend for; absent: the whole. */
  readonly range?: ByteRange;
  /** The plain bytes that were asked for, of the backend's answer to that. */
  plain(answer: GetResult): Promise<Transfer>;
}

interface Sealed {
  readonly address: KeyAddress;
  readonly sealing: Sealing;
  readonly size: number;
  readonly range?: ByteRange;
}

/** How a record's bytes, or a range of them, are read. Fails with `key-unavailable` or `damaged` where they are sealed and their data key cannot be had. */
export function readingOf(engine: Engine, address: KeyAddress, record: ObjectRecord, range?: ByteRange): PlainReading {
  const { sealing, size } = record;
  const wanted = range && size > 0 ? { range } : {};
  if (!sealing) return { ...wanted, plain: (answer) => Promise.resolve(answer) };
  return sealedReading(engine, { address, sealing, size, ...wanted });
}

/** How sealed bytes of so many plain ones are read: whole chunks, of which only what was asked for is let out. */
export function sealedReading(engine: Engine, sealed: Sealed): PlainReading {
  const { address, sealing, size, range } = sealed;
  const dataKey = dataKeyOf(engine, address, sealing);
  const span = spanOf(size, range);
  return {
    ...(range ? { range: span.sealed } : {}),
    plain: async (answer) => {
      if (answer.head.size !== sealedSize(size)) {
        answer.discard();
        throw damaged(`there are ${answer.head.size}, and should be ${sealedSize(size)}`);
      }
      const unsealing = { dataKey, size, span };
      const whole = answer.whole && unsealBytes(unsealing, answer.whole);
      return whole ? { whole, body: once(whole), discard: () => answer.discard() } : begun(unsealing, answer);
    },
  };
}

/** Reads the first chunk at once, so that an object that was tampered with is refused before anything is said of it. */
async function begun(unsealing: Unsealing, answer: GetResult): Promise<Transfer> {
  const chunks = unsealStream(unsealing, answer.body);
  let first: () => Uint8Array | undefined;
  try {
    const { value } = await chunks.next();
    first = () => value;
  } catch (error) {
    if (isObjectsError(error, 'damaged')) throw error;
    // A cut is for whoever reads: the stream may go on elsewhere.
    first = () => {
      throw error;
    };
  }
  return { body: continued(first, chunks), discard: () => answer.discard() };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.byteLength > 0) yield await Promise.resolve(bytes);
}

async function* continued(
  first: () => Uint8Array | undefined,
  rest: AsyncGenerator<Uint8Array, undefined>,
): AsyncGenerator<Uint8Array> {
  try {
    const chunk = first();
    if (chunk) yield chunk;
    yield* rest;
  } finally {
    await rest.return(undefined);
  }
}
