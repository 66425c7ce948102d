import type { Transaction } from 'lmdb';
import { shownRecord } from '../document-rules.js';
import type { ShownRecord } from '../object-index.js';
import { decodeKeyDocument, hasCurrent } from '../stored-form.js';
import type { AddressRange } from './addresses.js';
import type { Tables } from './environment.js';
import { hasCurrentIn, ShownRecords } from './stored-bytes.js';
import { otherWork } from './walk.js';

/** A document where the walk stands, its bytes as lmdb keeps them: they are there until the walk goes on, anything else is read, or others have a turn. */
export interface WalkedKey {
  readonly address: string;
  readonly bytes: Uint8Array;
}

/**
 * The table of keys as one snapshot shows it, which must be the newest state of the store and taken in this turn. Until others have had a turn, the thread's own read transaction is that snapshot: lmdb then
 * uses a cursor again instead of making one for each range, which costs three times as much.
 */
export class KeysOfSnapshot {
  private readonly keys: Tables['keys'];
  private readonly keyBytes: Tables['keyBytes'];
  private readonly records = new ShownRecords();
  /** Named in each read from the first turn of others on. */
  private of: { readonly transaction: Transaction } | undefined;

  constructor(
    { keys, keyBytes }: Tables,
    private readonly snapshot: Transaction,
  ) {
    this.keys = keys;
    this.keyBytes = keyBytes;
  }

  /** The documents of a range, in order, by one cursor. */
  *walk(range: AddressRange): Generator<WalkedKey> {
    for (const { key, value } of this.keyBytes.getRange({ ...range, ...this.of }))
      yield { address: String(key), bytes: value };
  }

  /** Lets everything else that waits have a turn. */
  async giveWay(): Promise<void> {
    this.of = { transaction: this.snapshot };
    await otherWork();
  }

  /** Whether the document has a current record, decoded only if that cannot be told otherwise. */
  hasCurrent({ address, bytes }: WalkedKey): boolean {
    return hasCurrentIn(bytes) ?? hasCurrent(this.#stored(address));
  }

  /** What a listing shows of the current record; undefined where there is none. */
  shownRecord({ address, bytes }: WalkedKey): ShownRecord | undefined {
    const read = this.records.read(bytes);
    if (read !== undefined) return read ?? undefined;
    const { current } = decodeKeyDocument(this.#stored(address));
    return current && shownRecord(current);
  }

  #stored(address: string): Parameters<typeof decodeKeyDocument>[0] {
    const stored = this.keys.get(address, { ...this.of });
    if (stored === undefined) throw new Error('a snapshot has lost a document that it showed');
    return stored;
  }
}
