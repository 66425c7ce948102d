import type { BucketDocument, KeyDocument, ObjectRecord } from '#libs/metadata';
import type { Engine, OperationContext } from '../engine.js';
import { indexUnknown } from '../adopting/index-unknown.js';
import { changeKey } from '../mutation/change-key.js';
import { commit } from '../mutation/key-changes.js';
import { writeGuard, type Conditions } from '../reading/conditions.js';
import { assertTakesWrites } from './candidate.js';

export interface RemoveObject {
  readonly bucket: BucketDocument;
  readonly key: string;
  readonly conditions?: Conditions;
  /** Refuses by throwing; for callers that decided on a record they saw. */
  readonly guard?: (document: KeyDocument) => void;
}

/**
 * Deletes an object: one commit that removes the record and names its bytes as garbage. The bytes go by token after the grace.
 * Answers the record that was removed, or undefined if there was none: deleting what is not there is no error.
 */
export async function removeObject(
  engine: Engine,
  context: OperationContext,
  remove: RemoveObject,
): Promise<ObjectRecord | undefined> {
  assertTakesWrites(remove.bucket);
  await indexUnknown(engine, context, remove.bucket, remove.key);
  const conditional = writeGuard(remove.conditions);
  const removed = await changeKey<ObjectRecord | undefined>(
    engine,
    { bucket: remove.bucket.id, key: remove.key },
    { requireActive: true },
    (document) => {
      conditional?.(document);
      remove.guard?.(document);
      if (!document.current) return { done: undefined };
      const garbageFrom = engine.clock.now() + engine.settings.graceMs;
      return { next: commit(document, { coexist: true, garbageFrom }), then: document.current };
    },
  );
  if (!removed) return undefined;
  engine.quotas?.removed(remove.bucket, removed);
  await engine.reach('removal-committed', remove.key);
  return removed;
}
