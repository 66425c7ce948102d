import type { ObjectBody } from '#libs/backends';
import type { Engine } from '../engine.js';
import { ObjectsError } from '../errors.js';
import type { Outcome } from '../mutation/mutation.js';
import type { WishedWrite } from '../quotas.js';

/** Writes with room held for it. `write` is given the bytes that its body may have, where they are not known beforehand. */
export async function withinQuota(
  engine: Engine,
  wish: WishedWrite,
  write: (most: number | undefined) => Promise<Outcome>,
): Promise<Outcome> {
  const reservation = await engine.quotas?.reserve(wish);
  if (!reservation) return write(undefined);
  try {
    const outcome = await write(reservation.most);
    if (outcome.fate === 'overwritten') reservation.cancel();
    else reservation.settle({ size: outcome.record.size, replaced: outcome.replaced?.size });
    return outcome;
  } catch (error) {
    reservation.cancel();
    throw error;
  }
}

/** The body, which fails with `quota-exceeded` as soon as it has more bytes than there is room for. */
export function cutAtQuota(body: ObjectBody, most: number | undefined): ObjectBody {
  return most === undefined || body instanceof Uint8Array ? body : cut(body, most);
}

async function* cut(body: AsyncIterable<Uint8Array>, most: number): AsyncGenerator<Uint8Array> {
  let left = most;
  for await (const chunk of body) {
    left -= chunk.byteLength;
    if (left < 0)
      throw new ObjectsError('quota-exceeded', `there is room for ${most} bytes, and more came; nothing was stored`, {
        facts: { quota: 'bytes', room: most },
      });
    yield chunk;
  }
}
