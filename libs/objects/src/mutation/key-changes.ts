import type { Garbage, Intent, KeyDocument, ObjectRecord, Placement, WriteId } from '#libs/metadata';

/** The key document of a key that nothing is known of. */
export const EMPTY: KeyDocument = { revision: 0, intents: [], garbage: [] };

/** Absent when the document would hold nothing, so that the store keeps none. */
export function tidy(document: KeyDocument): KeyDocument | undefined {
  const holds = document.current ?? document.lease ?? document.intents[0] ?? document.garbage[0];
  return holds ? document : undefined;
}

export function findIntent(document: KeyDocument, writeId: WriteId): Intent | undefined {
  return document.intents.find((intent) => intent.writeId === writeId);
}

export function withIntent(document: KeyDocument, intent: Intent, lease: boolean): KeyDocument {
  const next = { ...document, intents: [...document.intents, intent] };
  return lease ? { ...next, lease: { holder: intent.writeId, heartbeat: 0 } } : next;
}

/** Takes the intent, and the lease if it is the intent's, out of the document. */
export function withoutIntent(document: KeyDocument, writeId: WriteId): KeyDocument {
  const { lease, ...rest } = document;
  const next = { ...rest, intents: document.intents.filter((intent) => intent.writeId !== writeId) };
  return lease && lease.holder !== writeId ? { ...next, lease } : next;
}

export function withChangedIntent(document: KeyDocument, writeId: WriteId, change: Partial<Intent>): KeyDocument {
  return {
    ...document,
    intents: document.intents.map((intent) => (intent.writeId === writeId ? { ...intent, ...change } : intent)),
  };
}

export function withoutLease(document: KeyDocument): KeyDocument {
  const next: Mutable<KeyDocument> = { ...document };
  delete next.lease;
  return next;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export function isSamePlace(a: Placement, b: Placement): boolean {
  return a.backend === b.backend && a.container === b.container && a.key === b.key;
}

export function isSameWrite(a: Placement, b: Placement): boolean {
  return isSamePlace(a, b) && a.token === b.token;
}

export interface Commit {
  /** The new current record; absent: the object is deleted. */
  readonly record?: ObjectRecord;
  /** The intent that this commit closes. */
  readonly writeId?: WriteId;
  /** Whether earlier writes at the new record's place still have their bytes (token kinds `version` and `id`). */
  readonly coexist: boolean;
  /** Milliseconds since the epoch from which the superseded bytes may go. */
  readonly garbageFrom: number;
}

/**
 * The one commit: sets the record, raises the revision, closes the intent and moves the superseded placement to garbage.
 * Where a write replaces what stood at its place, what stood there is gone already and is no garbage; and a placement that the new record names is never garbage.
 */
export function commit(document: KeyDocument, change: Commit): KeyDocument {
  const { current, ...rest } = change.writeId === undefined ? document : withoutIntent(document, change.writeId);
  const next = change.record?.placement;
  const isGone = (placement: Placement): boolean =>
    next !== undefined && (isSameWrite(placement, next) || (!change.coexist && isSamePlace(placement, next)));
  const garbage = rest.garbage.filter((item) => !isGone(item.placement));
  if (current && !isGone(current.placement) && current.placement.token !== '') {
    garbage.push({ placement: current.placement, notBefore: change.garbageFrom });
  }
  const committed = { ...rest, revision: rest.revision + 1, garbage };
  return change.record ? { ...committed, current: change.record } : committed;
}

export function withGarbage(document: KeyDocument, item: Garbage): KeyDocument {
  if (document.current && isSameWrite(document.current.placement, item.placement)) return document;
  if (document.garbage.some((other) => isSameWrite(other.placement, item.placement))) return document;
  return { ...document, garbage: [...document.garbage, item] };
}

export function withoutGarbage(document: KeyDocument, placement: Placement): KeyDocument {
  return { ...document, garbage: document.garbage.filter((item) => !isSameWrite(item.placement, placement)) };
}

/** True for the write that a document's current record names. */
export function isCurrentWrite(document: KeyDocument, writeId: WriteId): boolean {
  return document.current?.placement.writeId === writeId;
}
