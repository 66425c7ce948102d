import type { ObjectHead } from '#libs/backends';
import type { Sealing } from '#libs/metadata';
import { sealOf } from '../attributes.js';
import { outsideEtag } from '../content/etags.js';
import { Digests } from '../content/digests.js';
import type { Engine, OperationContext } from '../engine.js';
import { isObjectsError } from '../errors.js';
import { plainSize } from '../sealing/layout.js';
import type { Target } from '../target.js';
import { sealedReading, type Transfer } from './plain-transfer.js';

/** Bytes that stand at a place, and what the index knew of them. */
export interface Standing {
  readonly target: Target;
  readonly head: ObjectHead;
  /** How the record or the intent says they are sealed. With it, nothing but sealed bytes is believed. */
  readonly known?: Sealing;
}

/** What the plain bytes are, and how they are sealed. */
export interface StandingContent {
  readonly size: number;
  /** MD5 in hex; of what somebody else wrote, whatever its vendor says. */
  readonly etag: string;
  readonly sealing?: Sealing;
}

/**
 * The content of what stands at a place, from what the vendor knows and, where it knows no MD5 of the plain bytes, from the bytes themselves; but of what somebody else wrote, the vendor's own ETag,
 * because reading all bytes of a container that is taken over would cost what copying it costs. Sealed bytes are opened to their end, with the key that the
 * index knew or the one that lies beside them; undefined if neither opens them, for then they are nothing that this key ever held: they must not pass for plain.
 */
export async function contentStanding(
  engine: Engine,
  context: Pick<OperationContext, 'requestId'>,
  standing: Standing,
): Promise<StandingContent | undefined> {
  const { head, known } = standing;
  const { seal } = sealOf(head.metadata);
  // The index's first: its key is wrapped by the present master key, when the one beside the bytes may be under one that has gone.
  const candidates = new Set([...(known ? [known.key] : []), ...(seal === undefined ? [] : [seal])]);
  if (candidates.size === 0) {
    if (head.md5 === undefined && head.writeId === undefined) return { size: head.size, etag: outsideEtag(head) };
    return { size: head.size, etag: head.md5 ?? (await md5Of(await open(context, standing))) };
  }
  for (const key of candidates) {
    const found = await tryUnsealing(engine, context, standing, key);
    if (found) return found;
  }
  return undefined;
}

async function tryUnsealing(
  engine: Engine,
  context: Pick<OperationContext, 'requestId'>,
  standing: Standing,
  key: string,
): Promise<StandingContent | undefined> {
  const { target, head } = standing;
  const size = plainSize(head.size);
  if (size === undefined) return undefined;
  const sealing = { key, ...(head.md5 === undefined ? {} : { md5: head.md5 }) };
  try {
    const reading = sealedReading(engine, { address: target.address, sealing, size });
    const etag = await md5Of(await reading.plain(await open(context, standing)));
    return { size, etag, sealing };
  } catch (error) {
    if (isObjectsError(error, 'damaged')) return undefined;
    throw error;
  }
}

function open({ requestId }: Pick<OperationContext, 'requestId'>, { target, head }: Standing) {
  const { container, key, token } = head;
  return target.backend.get({ requestId }, { container, key, token, transientChunks: true });
}

async function md5Of({ body }: Transfer): Promise<string> {
  const digests = new Digests([]);
  try {
    for await (const chunk of body) await digests.update(chunk);
    return (await digests.finish()).md5.toString('hex');
  } finally {
    digests.abandon();
  }
}
