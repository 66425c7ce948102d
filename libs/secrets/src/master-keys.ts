import { MissingKeyError } from './errors.js';
import type { MasterKey } from './master-key.js';

/** The master keys at hand: one seals, every one opens what it sealed. */
export interface MasterKeys {
  /** The key that seals from now on. */
  readonly current: MasterKey;
  /** Every id there is a key for. */
  readonly ids: readonly string[];
  find(id: string): MasterKey | undefined;
}

/** The key of that id; `MissingKeyError` names it if it is not at hand. */
export function requireMasterKey(keys: MasterKeys, id: string): MasterKey {
  const found = keys.find(id);
  if (found === undefined) throw new MissingKeyError(id, keys.ids);
  return found;
}
