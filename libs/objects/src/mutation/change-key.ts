import type { KeyAddress, KeyChange, KeyDocument, Versioned } from '#libs/metadata';
import { ObjectsError } from '../errors.js';
import type { Engine } from '../engine.js';
import { EMPTY, tidy } from './key-changes.js';

/** What a change wants done with the document it was shown: leave it, or replace it. */
export type Decision<T> = { readonly done: T } | { readonly next: KeyDocument; readonly then: T };

export interface ChangeOptions {
  /** Refuses with `bucket-not-active` unless the bucket takes writes at that very moment. */
  readonly requireActive: boolean;
  /** Refuses likewise unless the bucket still has this container and it is not retiring. */
  readonly placedIn?: { readonly backend: string; readonly container: string };
}

/**
 * Changes one key document by compare-and-set: shows the newest document to `decide` until a decision holds.
 * `decide` may be asynchronous and is called again whenever another change came between; it must not act on the world.
 */
export async function changeKey<T>(
  engine: Engine,
  address: KeyAddress,
  options: ChangeOptions,
  decide: (document: KeyDocument) => Decision<T> | Promise<Decision<T>>,
): Promise<T> {
  for (;;) {
    const found = await engine.index.getKey(address);
    const decision = await decide(found?.value ?? EMPTY);
    if ('done' in decision) return decision.done;
    const next = tidy(decision.next);
    if (!next && !found) return decision.then;
    const change = changeOf(found, next, options);
    const result = await engine.index.changeKey(address, change);
    if (result === 'changed') {
      tellCommit(engine, address, found?.value, next);
      return decision.then;
    }
    if (result === 'bucket-not-active') throw bucketNotActive();
  }
}

/** Tells the observer, if there is one and the current record is another than before. */
export function tellCommit(
  { observer }: Engine,
  address: KeyAddress,
  before: KeyDocument | undefined,
  after: KeyDocument | undefined,
): void {
  if (!observer || before?.current === after?.current) return;
  observer.keyChanged(address, before?.current ?? null, after?.current ?? null);
}

/** The compare-and-set of a decision. A new record must lie in a container that the bucket still has: one that is retiring takes no more. */
export function changeOf(
  found: Versioned<KeyDocument> | undefined,
  next: KeyDocument | undefined,
  options: ChangeOptions,
): KeyChange {
  const isNew = options.requireActive && next?.current !== undefined && next.current !== found?.value.current;
  return {
    expected: found?.version ?? null,
    requireActive: options.requireActive,
    ...(next ? { next } : {}),
    ...(isNew ? { placedIn: next.current.placement } : options.placedIn ? { placedIn: options.placedIn } : {}),
  };
}

export function bucketNotActive(): ObjectsError {
  return new ObjectsError(
    'bucket-not-active',
    'the bucket is being made, moved or deleted and does not take this write; send it again',
    { retryAfterSeconds: 1 },
  );
}
