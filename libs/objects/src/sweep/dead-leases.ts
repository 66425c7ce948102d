import type { KeyAddress, KeyDocument } from '#libs/metadata';
import type { Engine } from '../engine.js';
import { changeKey } from '../mutation/change-key.js';
import { findIntent, withoutLease } from '../mutation/key-changes.js';

/** A lease lives exactly as long as its holder's intent: one whose intent is gone is taken away. */
export async function breakDeadLease(engine: Engine, address: KeyAddress, seen: KeyDocument): Promise<void> {
  if (!seen.lease || findIntent(seen, seen.lease.holder)) return;
  await changeKey(engine, address, { requireActive: false }, (document) => {
    if (!document.lease || findIntent(document, document.lease.holder)) return { done: undefined };
    return { next: withoutLease(document), then: undefined };
  });
}
