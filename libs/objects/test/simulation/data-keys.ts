import {
  EnvelopeError,
  MasterKey,
  MissingKeyError,
  unwrapDataKey,
  wrapDataKey,
  wrappingKeyIdOf,
  type MasterKeys,
} from '#libs/secrets';
import { damaged, ObjectsError, type DataKeys } from '../../src/index.js';

/** A master key that is the same in every test; another number is another key. */
export function masterKey(number = 7): MasterKey {
  return new MasterKey(Buffer.alloc(32, number));
}

/** Data keys wrapped for real, as a deployment does. */
export function dataKeysOf(keys: MasterKeys): DataKeys {
  return {
    isCurrent: (wrapped) => wrappingKeyIdOf(wrapped) === keys.current.id,
    wrap: (dataKey, boundTo) => wrapDataKey(keys, dataKey, boundTo),
    unwrap: (wrapped, boundTo) => {
      try {
        return unwrapDataKey(keys, wrapped, boundTo);
      } catch (error) {
        if (error instanceof MissingKeyError) throw new ObjectsError('key-unavailable', error.message);
        if (error instanceof EnvelopeError) throw damaged('their data key was altered', error);
        throw error;
      }
    },
  };
}
