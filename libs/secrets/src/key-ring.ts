import type { MasterKey, MasterKeys } from './master-key.js';
import { requireMasterKey } from './master-keys.js';

/** The master keys of a process. Which one is current is asked at every use, as a rotation changes it while the process runs. */
export class KeyRing implements MasterKeys {
  readonly #keys: ReadonlyMap<string, MasterKey>;

  constructor(
    keys: readonly MasterKey[],
    private readonly currentId: () => string,
  ) {
    this.#keys = new Map(keys.map((key) => [key.id, key]));
  }

  /** Throws `MissingKeyError` where the deployment's current key is not among these. */
  get current(): MasterKey {
    return requireMasterKey(this, this.currentId());
  }

  /** False where a rotation has made a key current that this process was not given: it can seal nothing. */
  get hasCurrent(): boolean {
    return this.#keys.has(this.currentId());
  }

  get ids(): readonly string[] {
    return [...this.#keys.keys()];
  }

  find(id: string): MasterKey | undefined {
    return this.#keys.get(id);
  }
}
