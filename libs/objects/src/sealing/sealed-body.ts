import type { ObjectBody } from '#libs/backends';
import { Digests, md5Of } from '../content/digests.js';
import type { StoredContent } from '../mutation/mutation.js';
import { sealBytes, sealStream } from './seal.js';

/** A body on its way to a backend in sealed form. */
export interface SealedBody {
  readonly body: ObjectBody;
  /** What the backend must have stored; undefined until the whole body has gone through. */
  readonly stored: () => StoredContent | undefined;
}

/** Seals a body. `withMd5`: computes the MD5 of the sealed bytes as well, for a vendor that tells what it got. */
export function sealBody(dataKey: Uint8Array, body: ObjectBody, withMd5: boolean): SealedBody {
  if (body instanceof Uint8Array) {
    const sealed = sealBytes(dataKey, body);
    const stored = { size: sealed.byteLength, ...(withMd5 ? { md5: md5Of(sealed).toString('hex') } : {}) };
    return { body: sealed, stored: () => stored };
  }
  let stored: StoredContent | undefined;
  const measured = withMd5 ? hashed : counted;
  return { body: measured(sealStream(dataKey, body), (result) => (stored = result)), stored: () => stored };
}

type Tell = (stored: StoredContent) => void;

/** What was counted is told before the last chunk goes out, as whoever asks for it may not ask for more. */
async function* counted(source: AsyncIterable<Uint8Array>, tell: Tell): AsyncGenerator<Uint8Array> {
  let size = 0;
  let held: Uint8Array | undefined;
  for await (const chunk of source) {
    size += chunk.byteLength;
    if (held) yield held;
    held = chunk;
  }
  tell({ size });
  if (held) yield held;
}

async function* hashed(source: AsyncIterable<Uint8Array>, tell: Tell): AsyncGenerator<Uint8Array> {
  const digests = new Digests([]);
  let held: Uint8Array | undefined;
  try {
    for await (const chunk of source) {
      await digests.update(chunk);
      if (held) yield held;
      held = chunk;
    }
    tell({ size: digests.size, md5: (await digests.finish()).md5.toString('hex') });
    if (held) yield held;
  } finally {
    digests.abandon();
  }
}
