import type { ObjectHead } from '#libs/backends';
import type { KeyAddress, KeyDocument, ObjectRecord, Placement, Sealing } from '#libs/metadata';
import { commit, isSamePlace, isSameWrite, withoutGarbage } from '../mutation/key-changes.js';
import { isTiedTo } from '../mutation/write-ids.js';

/**
 * What a look at a key found.
 * - `same`: index and vendor agree, or nothing is at either.
 * - `new`: somebody else put an object; it is indexed now. `changed`: somebody else replaced it; the record is that of what stands now.
 * - `reclassed`: the vendor moved the same write to another storage class. `found`: bytes that were missing are there again.
 * - `missing`: the bytes are gone; the record stays, marked.
 * - `hidden`: somebody else deleted the object where versions are kept: its bytes are there still, and are read by their token. Only told.
 * - `stray`: what stands here is not where the key's record has its bytes. Only told.
 * - `sealed`: what stands there is encrypted, and by no key of this object's, or plain where the record's bytes are encrypted. Only told.
 * - `gone`: after a restore, the bytes that the backup's record names are there no more: somebody deleted the object since, and so it is deleted.
 * - `orphan`: a write of this very bucket and key that nobody was told of, and that no record, intent or garbage names. Only told where it stands; beneath newer ones it is deleted.
 */
export const FINDINGS = [
  'same',
  'new',
  'changed',
  'reclassed',
  'found',
  'missing',
  'gone',
  'hidden',
  'stray',
  'sealed',
  'orphan',
] as const;
export type Finding = (typeof FINDINGS)[number];

/** What index and vendor say of one key at one place. */
export interface Seen {
  readonly address: KeyAddress;
  readonly place: Pick<Placement, 'backend' | 'container' | 'key'>;
  readonly coexist: boolean;
  /** The document without the look's own intent. */
  readonly before: KeyDocument;
  /** What stands there now. */
  readonly head: ObjectHead | undefined;
}

/** What judging may have to ask. */
export interface Inquiries {
  /** The vendor's word on the very write that a record names; undefined if it is gone. */
  readonly stillReadable: (record: ObjectRecord) => Promise<ObjectHead | undefined>;
  /** Undefined for sealed bytes that no key opens: they are nothing this key ever held. */
  readonly recordOf: (head: ObjectHead, known: Sealing | undefined) => Promise<ObjectRecord | undefined>;
  /** Milliseconds since the epoch from which superseded bytes of Spumoni's own may go. */
  readonly garbageFrom: number;
}

export interface Verdict {
  readonly finding: Finding;
  readonly bytes: number;
  /** The document as it should be; absent: nothing is to be changed. */
  readonly next?: (document: KeyDocument) => KeyDocument;
}

/** Decides what a key's document should say, from the document and a fresh HEAD. Nothing is changed by deciding. */
export async function judge(seen: Seen, ask: Inquiries): Promise<Verdict> {
  const { before, head } = seen;
  const { current } = before;
  const bytes = head?.size ?? current?.size ?? 0;
  const isHere = current !== undefined && isAt(seen, current.placement);
  if (!head) return isHere ? judgeAbsent(seen, current, ask) : { finding: 'same', bytes };
  if (before.garbage.some((item) => isAt(seen, item.placement) && item.placement.token === head.token))
    return isHere && !(await standsAlso(seen, current, ask)) ? missing(current) : { finding: 'same', bytes };
  if (!current) {
    // Where writes coexist, what nobody was told of stays untold; where they replace, there is nothing else left of the key.
    if (seen.coexist && isTiedTo(seen.address, head.writeId)) return { finding: 'orphan', bytes };
    const record = await ask.recordOf(head, undefined);
    return record ? taken('new', record, seen, ask) : { finding: 'sealed', bytes };
  }
  if (!isHere) return { finding: 'stray', bytes };
  return head.token === current.placement.token
    ? judgeSameWrite(current, head)
    : judgeReplaced(seen, current, head, ask);
}

function isAt({ place }: Seen, placement: Placement): boolean {
  return isSamePlace({ ...placement, ...place }, placement);
}

/** Where writes coexist the record's own may be there though another stands. */
async function standsAlso(seen: Seen, current: ObjectRecord, ask: Inquiries): Promise<boolean> {
  return seen.coexist && (await ask.stillReadable(current)) !== undefined;
}

async function judgeAbsent(seen: Seen, current: ObjectRecord, ask: Inquiries): Promise<Verdict> {
  if (await standsAlso(seen, current, ask)) return { finding: 'hidden', bytes: current.size };
  return missing(current);
}

/** The bytes are gone, and nobody here deleted them. */
export function missing(current: ObjectRecord): Verdict {
  const bytes = current.size;
  if (current.missing) return { finding: 'missing', bytes };
  return { finding: 'missing', bytes, next: (document) => ({ ...document, current: { ...current, missing: true } }) };
}

/** The write that the record names stands. */
export function judgeSameWrite(current: ObjectRecord, head: ObjectHead): Verdict {
  const bytes = current.size;
  const { missing: wasMissing, ...rest } = current;
  const isReclassed = head.storageClass !== current.placement.storageClass;
  if (!wasMissing && !isReclassed) return { finding: 'same', bytes };
  const record = { ...rest, placement: { ...current.placement, storageClass: head.storageClass } };
  return {
    finding: wasMissing ? 'found' : 'reclassed',
    bytes,
    next: (document) => ({ ...document, current: record }),
  };
}

async function judgeReplaced(seen: Seen, current: ObjectRecord, head: ObjectHead, ask: Inquiries): Promise<Verdict> {
  const isZombie = seen.coexist && isTiedTo(seen.address, head.writeId) && head.writeId !== current.placement.writeId;
  // A write that began before an acknowledged one and arrived after it must not take its place.
  if (isZombie && (await standsAlso(seen, current, ask))) return { finding: 'orphan', bytes: current.size };
  const record = await ask.recordOf(head, current.sealing);
  if (record) return taken('changed', record, seen, ask);
  return (await standsAlso(seen, current, ask)) ? { finding: 'sealed', bytes: current.size } : missing(current);
}

/** The record of what stands becomes the key's. What it supersedes is deleted later only if this bucket wrote it. */
export function taken(finding: 'new' | 'changed', record: ObjectRecord, seen: Seen, ask: Inquiries): Verdict {
  const { address, coexist } = seen;
  return {
    finding,
    bytes: record.size,
    next: (document) => {
      const next = commit(document, { record, coexist, garbageFrom: ask.garbageFrom });
      const { current } = document;
      if (!current || isTiedTo(address, current.placement.writeId)) return next;
      const wasGarbage = document.garbage.some((item) => isSameWrite(item.placement, current.placement));
      return wasGarbage ? next : withoutGarbage(next, current.placement);
    },
  };
}
