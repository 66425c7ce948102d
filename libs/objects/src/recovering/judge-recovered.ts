import type { ObjectHead } from '#libs/backends';
import type { ObjectRecord } from '#libs/metadata';
import { commit, isSamePlace, withoutGarbage } from '../mutation/key-changes.js';
import { isTiedTo, timeOfWriteId, writeIdOf } from '../mutation/write-ids.js';
import { judgeSameWrite, missing, taken, type Inquiries, type Seen, type Verdict } from '../reconciling/judge-key.js';

/** What is known beside the key: when the backup was begun, and whether anything names a write at the place. */
export interface SeenAfterRestore extends Seen {
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly isWeak: boolean;
  /** False where writes lie under fresh ids. */
  readonly hasIntents: boolean;
  /** Whether the container that the record names is no more. */
  readonly isLost: 'certainly' | 'perhaps' | 'no';
}

/** How much earlier than its intent a write id may have been made, clocks that differ included. */
const SLACK_MS = 3_600_000;

/**
 * Decides what a key's document should say after a restore. The document is as of the backup, and whatever was acknowledged since stands at the vendor: so, other than in `judge`, a write of Spumoni's own that nobody knows of is believed, and
 * a record whose bytes are gone was deleted by a client since. Told apart from requests that arrived after their intent had been settled: those began before the backup, and the backup does not have their intent.
 */
export async function judgeRecovered(seen: SeenAfterRestore, ask: Inquiries): Promise<Verdict> {
  const { before, head } = seen;
  const { current } = before;
  const here = current && isAt(seen, current) ? current : undefined;
  if (!head || isGarbage(seen, head)) return here ? judgeGone(seen, here, ask) : { finding: 'same', bytes: 0 };
  if (here && head.token === here.placement.token) return judgeSameWrite(here, head);
  const bytes = head.size;
  if (isLate(seen, head) && (!here || (await stands(seen, here, ask)))) return { finding: 'orphan', bytes };
  if (current && !here && !isLater(seen, head, current)) return { finding: 'stray', bytes };
  const record = await ask.recordOf(head, here?.sealing);
  if (record) return taken(current ? 'changed' : 'new', record, seen, ask);
  if (!here || (await stands(seen, here, ask))) return { finding: 'sealed', bytes };
  return missing(here);
}

function isAt({ place }: Seen, { placement }: Pick<ObjectRecord, 'placement'>): boolean {
  return isSamePlace({ ...placement, ...place }, placement);
}

/** Deleted before the backup. Where nothing names a write, the stamp on the bytes does: the key may have been written again since. */
function isGarbage(seen: SeenAfterRestore, head: ObjectHead): boolean {
  return seen.before.garbage.some(
    (item) =>
      isAt(seen, item) &&
      (seen.isWeak ? item.placement.writeId === writeIdOf(head) : item.placement.token === head.token),
  );
}

/** Where writes coexist the record's own may be there though another stands, or none does. */
async function stands({ coexist }: Seen, current: ObjectRecord, ask: Inquiries): Promise<boolean> {
  return coexist && (await ask.stillReadable(current)) !== undefined;
}

async function judgeGone(seen: SeenAfterRestore, current: ObjectRecord, ask: Inquiries): Promise<Verdict> {
  const bytes = current.size;
  // It was missing before the backup: an operator has yet to decide.
  if (current.missing) return { finding: 'missing', bytes };
  if (await stands(seen, current, ask)) return { finding: 'hidden', bytes };
  return {
    finding: 'gone',
    bytes,
    next: (document) =>
      withoutGarbage(commit(document, { coexist: true, garbageFrom: ask.garbageFrom }), current.placement),
  };
}

/** A request that arrived after its writer had died and been settled. A place of fresh ids has no intents, and no such requests: whatever is there was sent by a writer that lived. */
function isLate({ address, before, coexist, since, hasIntents }: SeenAfterRestore, { writeId }: ObjectHead): boolean {
  if (!coexist || !hasIntents || !isTiedTo(address, writeId)) return false;
  if (before.intents.some((intent) => intent.writeId === writeId)) return false;
  const began = timeOfWriteId(writeId);
  return began !== undefined && began < since - SLACK_MS;
}

/**
 * Of writes in two containers of the bucket, the one that began later; a move makes a write of its own. Where the record's container is no more, there is no other; clocks of two machines differ, so that a move may seem to have begun before the write that it moved.
 */
function isLater({ isLost }: SeenAfterRestore, head: ObjectHead, { placement }: ObjectRecord): boolean {
  if (isLost === 'certainly') return true;
  const began = timeOfWriteId(head.writeId);
  const other = timeOfWriteId(placement.writeId) ?? 0;
  return began !== undefined && (began > other || (began === other && isLost === 'perhaps'));
}
