import type { Transaction } from 'lmdb';
import type { KeyDocument } from '../records.js';
import { decodeKeyDocument, hasCurrent, hasCurrentIn } from '../stored-form.js';
import type { AddressRange, TableKey } from './addresses.js';
import type { Tables } from './environment.js';
import { otherWork } from './walk.js';

/**
 * The table of keys as one snapshot shows it, which must be the newest state of the store and taken in this turn. Until others have had a turn, the thread's own read transaction is that snapshot: lmdb then
 * uses a cursor again instead of making one for each range, which costs three times as much.
 */
export class KeysOfSnapshot {
  private readonly keys: Tables['keys'];
  /** Named in each read from the first turn of others on. */
  private of: { readonly transaction: Transaction } | undefined;

  constructor(
    tables: Tables,
    private readonly snapshot: Transaction,
  ) {
    this.keys = tables.keys;
  }

  /** The addresses of a range, none of their documents being read. */
  *walk(range: AddressRange): Generator<string> {
    for (const address of this.keys.getKeys({ ...range, ...this.of })) yield String(address);
  }

  /** Lets everything else that waits have a turn. */
  async giveWay(): Promise<void> {
    this.of = { transaction: this.snapshot };
    await otherWork();
  }

  /** Whether the document there has a current record, decoded only if that cannot be told otherwise. */
  hasCurrent(address: TableKey): boolean {
    const bytes = this.of === undefined ? this.keys.getBinaryFast(address) : undefined;
    const seen = bytes && hasCurrentIn(bytes);
    if (seen !== undefined) return seen;
    const stored = this.keys.get(address, { ...this.of });
    return stored !== undefined && hasCurrent(stored);
  }

  /** The document at an address that the walk gave. */
  documentOf(address: TableKey): KeyDocument {
    const stored = this.keys.get(address, { ...this.of });
    if (stored === undefined) throw new Error('a snapshot has lost a document that it showed');
    return decodeKeyDocument(stored);
  }
}
