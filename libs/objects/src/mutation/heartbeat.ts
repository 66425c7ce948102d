import { isBackendError } from '#libs/backends';
import { IndexError, type KeyAddress, type WriteId } from '#libs/metadata';
import type { Engine } from '../engine.js';
import { changeKey } from './change-key.js';
import { findIntent, withChangedIntent } from './key-changes.js';

export interface Life {
  /** Aborts when the intent was fenced or has gone, and when the client's own signal does. */
  readonly signal: AbortSignal;
  stop(): void;
}

/**
 * Raises the intent's heartbeat while its writer lives, so that no sweeper takes it for dead (DESIGN section 5, The sweeper).
 * An index that does not answer is borne: the heartbeat then stands still, and the commit finds out whether the intent was fenced.
 */
export function keepAlive(engine: Engine, address: KeyAddress, writeId: WriteId, client?: AbortSignal): Life {
  const control = new AbortController();
  const follow = (): void => control.abort(client?.reason);
  if (client?.aborted) follow();
  client?.addEventListener('abort', follow, { once: true });
  const stopTicking = engine.clock.every(engine.settings.heartbeatMs, async () => {
    try {
      const alive = await beat(engine, address, writeId);
      if (!alive) control.abort(new Error('the write was fenced'));
    } catch (error) {
      if (!(error instanceof IndexError) && !isBackendError(error)) throw error;
    }
  });
  return {
    signal: control.signal,
    stop: () => {
      stopTicking();
      client?.removeEventListener('abort', follow);
    },
  };
}

function beat(engine: Engine, address: KeyAddress, writeId: WriteId): Promise<boolean> {
  return changeKey<boolean>(engine, address, { requireActive: false }, (document) => {
    const intent = findIntent(document, writeId);
    if (!intent || intent.fenced) return { done: false };
    return { next: withChangedIntent(document, writeId, { heartbeat: intent.heartbeat + 1 }), then: true };
  });
}
