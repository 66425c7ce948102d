import { damaged, ObjectsError, type DataKeys } from '#libs/objects';
import { EnvelopeError, MissingKeyError, unwrapDataKey, wrapDataKey, type MasterKeys } from '#libs/secrets';

/** The domain's data keys, wrapped by this deployment's master keys. */
export function dataKeysOf(keys: MasterKeys): DataKeys {
  return {
    wrap: (dataKey, boundTo) => wrapDataKey(keys, dataKey, boundTo),
    unwrap: (wrapped, boundTo) => {
      try {
        return unwrapDataKey(keys, wrapped, boundTo);
      } catch (error) {
        throw meaningOf(error);
      }
    },
  };
}

function meaningOf(error: unknown): unknown {
  if (error instanceof MissingKeyError) {
    return new ObjectsError('key-unavailable', `the object's data key: ${error.message}`, {
      facts: { keyId: error.keyId },
      retryAfterSeconds: 60,
      cause: error,
    });
  }
  return error instanceof EnvelopeError ? damaged('the data key in its record is not its own', error) : error;
}
