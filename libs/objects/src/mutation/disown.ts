import type { ObjectRecord } from '#libs/metadata';
import type { Engine, OperationContext } from '../engine.js';
import { reconcileKey } from '../reading/reconcile.js';
import { changeKey } from './change-key.js';
import { findIntent, isSamePlace, withGarbage } from './key-changes.js';
import { pause } from './intents.js';
import type { Mutation } from './mutation.js';

/**
 * What a fenced writer does with bytes that arrived all the same. It may not commit them, and while the sweeper has not decided whether to adopt them, may not name them as garbage either. Where nothing of the current record's stood at their place, they are named as garbage,
 * which yields if the sweeper adopts them. Where they replaced the record's own bytes, those are lost to it, and the record is healed from what stands, as any reader would.
 */
export async function disown(
  engine: Engine,
  context: OperationContext,
  mutation: Mutation,
  record: ObjectRecord,
): Promise<void> {
  const until = engine.clock.monotonic() + engine.settings.patienceMs;
  for (;;) {
    const replaced = await changeKey<ObjectRecord | 'wait' | undefined>(
      engine,
      mutation.target.address,
      { requireActive: false },
      (document) => {
        const { current } = document;
        if (findIntent(document, mutation.writeId)) return { done: 'wait' };
        if (mutation.target.coexist || !current || !isSamePlace(current.placement, record.placement)) {
          return {
            next: withGarbage(document, { placement: record.placement, notBefore: engine.clock.now() }),
            then: undefined,
          };
        }
        return { done: current };
      },
    );
    if (replaced === undefined) return;
    if (replaced !== 'wait') {
      await reconcileKey(engine, context, {
        bucket: mutation.target.bucket,
        key: mutation.target.address.key,
        seen: replaced,
      });
      return;
    }
    await pause(engine, until, 'the write is being settled by a sweeper');
  }
}
