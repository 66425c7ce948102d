import type { ObjectBody } from '#libs/backends';
import type { Engine } from '../engine.js';
import type { Outcome } from '../mutation/mutation.js';
import type { Reservation, WishedWrite } from '../quotas.js';

/** Writes with room held for it. `write` is given what takes room for its bytes as they come, where their number is not known beforehand. */
export async function withinQuota(
  engine: Engine,
  wish: WishedWrite,
  write: (take: Reservation['take']) => Promise<Outcome>,
): Promise<Outcome> {
  const reservation = await engine.quotas?.reserve(wish);
  if (!reservation) return write(undefined);
  try {
    const outcome = await write(reservation.take);
    if (outcome.fate === 'overwritten') reservation.cancel();
    else reservation.settle({ size: outcome.record.size, replaced: outcome.replaced?.size });
    return outcome;
  } catch (error) {
    reservation.cancel();
    throw error;
  }
}

/** The body, which fails with `quota-exceeded` as soon as it has more bytes than there is room for. */
export function cutAtQuota(body: ObjectBody, take: Reservation['take']): ObjectBody {
  return take === undefined || body instanceof Uint8Array ? body : cut(body, take);
}

async function* cut(
  body: AsyncIterable<Uint8Array>,
  take: NonNullable<Reservation['take']>,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    take(chunk.byteLength);
    yield chunk;
  }
}
