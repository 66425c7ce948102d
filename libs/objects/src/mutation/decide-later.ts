import type { KeyAddress, KeyDocument, Placement } from '#libs/metadata';
import type { Engine } from '../engine.js';
import type { Target } from '../target.js';
import { changeKey } from './change-key.js';
import { isSameWrite, withGarbage } from './key-changes.js';
import { placementRef } from './standing.js';

const PAUSE_MS = { least: 200, most: 30_000 };
/** With the pauses above about ten minutes. */
const MOST_TRIES = 26;

/**
 * For a write under a fresh id whose commit the index did not answer: once the index is back, either the record names the bytes, or they become garbage, which the sweeper deletes.
 * Returns at once. If the index stays away, the bytes stay unsettled, to be found when this process has ended.
 */
export function decideLater(engine: Engine, target: Target, placement: Placement): void {
  void decide(engine, target, placement);
}

async function decide(engine: Engine, target: Target, placement: Placement): Promise<void> {
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    try {
      await engine.clock.sleep(Math.min(PAUSE_MS.most, PAUSE_MS.least * 2 ** tries));
      await nameUnlessNamed(engine, target.address, placement);
      target.backend.freshIds?.settle(placementRef(placement));
      return;
    } catch {
      // Still away: the client was told that the outcome is unknown, and the next try or the next process decides.
    }
  }
}

/**
 * Names bytes that may or may not have been committed as garbage, to go at once, unless the document names them already. True if it did: from then on no commit that was sent before
 * can name them, since it expects the document as it was.
 */
export function nameUnlessNamed(engine: Engine, address: KeyAddress, placement: Placement): Promise<boolean> {
  return changeKey(engine, address, { requireActive: false }, (document) =>
    isNamed(document, placement)
      ? { done: false }
      : { next: withGarbage(document, { placement, notBefore: engine.clock.now() }), then: true },
  );
}

function isNamed(document: KeyDocument, placement: Placement): boolean {
  const placements = [document.current?.placement, ...document.garbage.map((item) => item.placement)];
  return placements.some((named) => named !== undefined && isSameWrite(named, placement));
}
