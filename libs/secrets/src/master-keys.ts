import { MissingKeyError } from './errors.js';
import type { MasterKey, MasterKeys } from './master-key.js';

/** The key of that id; `MissingKeyError` names it if it is not at hand. */
export function requireMasterKey(keys: MasterKeys, id: string): MasterKey {
  const found = keys.find(id);
  if (found === undefined) throw new MissingKeyError(id, keys.ids);
  return found;
}
