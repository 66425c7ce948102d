import { damaged, ObjectsError, type DataKeys } from '#libs/objects';
import {
  EnvelopeError,
  MissingKeyError,
  unwrapDataKey,
  wrapDataKey,
  wrappingKeyIdOf,
  type MasterKeys,
} from '#libs/secrets';

/** The domain's data keys, wrapped by this deployment's master keys. */
export function dataKeysOf(keys: MasterKeys): DataKeys {
  return {
    wrap: (dataKey, boundTo) => meant(() => wrapDataKey(keys, dataKey, boundTo)),
    unwrap: (wrapped, boundTo) => meant(() => unwrapDataKey(keys, wrapped, boundTo)),
    isCurrent: (wrapped) => meant(() => wrappingKeyIdOf(wrapped) === keys.current.id),
  };
}

/** A failure of the keys in the domain's words. */
function meant<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof MissingKeyError) {
      throw new ObjectsError('key-unavailable', `the object's data key: ${error.message}`, {
        facts: { keyId: error.keyId },
        retryAfterSeconds: 60,
        cause: error,
      });
    }
    throw error instanceof EnvelopeError ? damaged('the data key in its record is not its own', error) : error;
  }
}
