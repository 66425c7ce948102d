import { isBackendError } from '#libs/backends';
import type { BucketDocument } from '#libs/metadata';
import { callOf, type Engine, type OperationContext } from '../engine.js';
import { fromBackend } from '../errors.js';
import { changeKey } from '../mutation/change-key.js';
import { EMPTY } from '../mutation/key-changes.js';
import { documentsIn } from '../reconciling/listed-page.js';
import { assertRecovered, endRecovery } from './recovered.js';
import { takeInContainers } from './take-in.js';

/**
 * For a bucket that was deleted after the backup it was restored from: forgets what the backup knew of its objects, if the vendors say that none of its containers is there any more. Otherwise fails with `bucket-recovering`: what the index does not know yet
 * would be taken for nobody's.
 */
export async function forgetVanished(engine: Engine, context: OperationContext, bucket: BucketDocument): Promise<void> {
  // A migration may have taken it elsewhere since.
  const { bucket: found } = await takeInContainers(engine, context, bucket);
  for (const { backend: id, container } of found.containers) {
    const backend = await engine.backends.open(id);
    const isThere = await backend.inspectContainer(callOf(context), container).then(
      () => true,
      (error: unknown) => {
        if (isBackendError(error, 'not-found')) return false;
        throw fromBackend(error, backend.name);
      },
    );
    if (isThere) assertRecovered(bucket);
  }
  for await (const page of documentsIn(engine, { bucket: bucket.id }))
    for (const { key } of page)
      await changeKey(engine, { bucket: bucket.id, key }, { requireActive: false }, () => ({
        next: EMPTY,
        then: undefined,
      }));
  await endRecovery(engine, bucket);
}
