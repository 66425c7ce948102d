import type { Engine, OperationContext } from '../engine.js';
import { isObjectsError, type ObjectsError, type ObjectsErrorCode } from '../errors.js';
import { isStoreOutage } from './store-outage.js';

/** What is over in a moment: another change of the key, a call that was slower than its deadline. A backend that is away is not asked for each object again. */
const PASSING: readonly ObjectsErrorCode[] = ['busy', 'conflict', 'outcome-unknown'];

const TRIES = 3;
/** Before the second try; twice that before the third. */
const PAUSE_MS = 1_000;

/**
 * Does what a job does to one object, up to three times where it fails for what is over in a moment. `work` must bear being done twice. Rejects as its last try;
 * where a try before was not answered, what changed meanwhile may be its own doing, half done, and so it rejects as that one did.
 */
export async function tryingAgain<T>(engine: Engine, context: OperationContext, work: () => Promise<T>): Promise<T> {
  let unanswered: ObjectsError | undefined;
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (unanswered !== undefined && isObjectsError(error, 'changed-meanwhile')) throw unanswered;
      const mayPass = PASSING.some((code) => isObjectsError(error, code)) && !isStoreOutage(error);
      if (tries === TRIES || !mayPass || context.signal?.aborted) throw error;
      if (isObjectsError(error, 'outcome-unknown')) unanswered = error;
    }
    await engine.clock.sleep(PAUSE_MS * tries, context.signal);
  }
}
