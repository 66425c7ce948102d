import type { Placement } from '../records.js';
import type { ShownRecord } from '../object-index.js';

/**
 * What a listing needs, read straight from the msgpack that lmdb keeps of a `StoredKeyDocument`: of the dozens of values in it a listing shows seven, and making all of them took as long as all else of a page.
 * Whatever is not stored as expected here is left to the ordinary decoder.
 */
const NIL = 0xc0;
const FLOAT_64 = 0xcb;
const SHORT_ARRAY = 0x90;
const SHORT_TEXT = 0xa0;
const TEXT_8 = 0xd9;
const TEXT_16 = 0xda;
const ARRAY_16 = 0xdc;
/** Fields of a record up to the one that was added last before there was a format. */
const LEAST_FIELDS = 10;
/** How many bytes follow the first of a value that has a fixed size. */
const FIXED: ReadonlyMap<number, number> = new Map([
  [NIL, 0],
  [0xc2, 0],
  [0xc3, 0],
  [0xca, 4],
  [FLOAT_64, 8],
  [0xcc, 1],
  [0xcd, 2],
  [0xce, 4],
  [0xcf, 8],
  [0xd0, 1],
  [0xd1, 2],
  [0xd2, 4],
  [0xd3, 8],
]);

/** Whether a document has a current record: the second of its fields is not nil. Undefined for bytes that begin in another way. */
export function hasCurrentIn(bytes: Uint8Array): boolean | undefined {
  const [array = 0, number = NIL] = bytes;
  if ((array & 0xf0) !== SHORT_ARRAY || number === NIL) return undefined;
  const more = number < 0x80 ? 0 : FIXED.get(number);
  return more === undefined ? undefined : bytes[2 + more] !== NIL;
}

/** Thrown and caught in this file: the value is none that it knows. */
class Unexpected extends Error {}

/** Text that is mostly the same from record to record, made once. */
class RepeatedText {
  #bytes: Buffer = Buffer.alloc(0);
  #text = '';

  /** The text of these bytes. */
  of(bytes: Buffer, start: number, end: number): string {
    const last = this.#bytes;
    let same = end - start === last.length;
    for (let at = 0; same && at < last.length; at++) same = last[at] === bytes[start + at];
    if (same) return this.#text;
    this.#bytes = Buffer.from(bytes.subarray(start, end));
    this.#text = this.#bytes.toString();
    return this.#text;
  }
}

/** Reads the records that one page shows. Not to be kept from page to page by two at once: it has one place in one document. */
export class ShownRecords {
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  readonly #backends = new RepeatedText();
  readonly #classes = new RepeatedText();
  #placement: Pick<Placement, 'backend' | 'storageClass'> = { backend: '', storageClass: '' };

  /** The record; null where the document has none; undefined where only the ordinary decoder can tell. */
  read(bytes: Uint8Array): ShownRecord | null | undefined {
    const has = Buffer.isBuffer(bytes) ? hasCurrentIn(bytes) : undefined;
    if (!has || !Buffer.isBuffer(bytes)) return has === false ? null : undefined;
    this.#bytes = bytes;
    this.#at = 1;
    try {
      this.#skip(1);
      const record = this.#record();
      return this.#at <= bytes.length ? record : undefined;
    } catch (error) {
      if (error instanceof Unexpected) return undefined;
      throw error;
    }
  }

  /** In the order of `StoredRecord`. */
  #record(): ShownRecord {
    if (this.#array() < LEAST_FIELDS) throw new Unexpected();
    const size = this.#number();
    const etag = this.#bytes.toString('utf8', this.#text(), this.#at);
    const lastModified = this.#number();
    const placement = this.#readPlacement();
    this.#skip(4);
    if (this.#bytes[this.#at] === NIL) return { size, etag, lastModified, placement };
    const tier = this.#bytes.toString('utf8', this.#text(), this.#at);
    return { size, etag, lastModified, tier, placement };
  }

  #readPlacement(): Pick<Placement, 'backend' | 'storageClass'> {
    const fields = this.#array();
    const backend = this.#backends.of(this.#bytes, this.#text(), this.#at);
    this.#skip(2);
    const storageClass = this.#classes.of(this.#bytes, this.#text(), this.#at);
    this.#skip(fields - 4);
    const last = this.#placement;
    // Shared by all records that lie there.
    if (last.backend !== backend || last.storageClass !== storageClass) this.#placement = { backend, storageClass };
    return this.#placement;
  }

  /** The next byte. */
  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new Unexpected();
    this.#at += 1;
    return byte;
  }

  #number(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    const more = FIXED.get(first) ?? 0;
    const at = this.#at;
    this.#at += more;
    if (first === FLOAT_64) return this.#bytes.readDoubleBE(at);
    if (first >= 0xcc && first <= 0xce) return this.#bytes.readUIntBE(at, more);
    throw new Unexpected();
  }

  /** How many values follow. */
  #array(): number {
    const first = this.#byte();
    if ((first & 0xf0) === SHORT_ARRAY) return first & 0x0f;
    if (first === ARRAY_16) return this.#byte() * 256 + this.#byte();
    throw new Unexpected();
  }

  /** Passes over a text; where its bytes begin. */
  #text(): number {
    const first = this.#byte();
    let length: number;
    if ((first & 0xe0) === SHORT_TEXT) length = first & 0x1f;
    else if (first === TEXT_8) length = this.#byte();
    else if (first === TEXT_16) length = this.#byte() * 256 + this.#byte();
    else throw new Unexpected();
    const start = this.#at;
    this.#at += length;
    return start;
  }

  /** Passes over so many values. */
  #skip(values: number): void {
    for (let left = values; left > 0; left--) {
      const first = this.#bytes[this.#at] ?? NIL;
      if (first < 0x80 || first >= 0xe0) this.#at += 1;
      else if ((first & 0xf0) === SHORT_ARRAY || first === ARRAY_16) left += this.#array();
      else if (first >= SHORT_TEXT && first < NIL) this.#text();
      else if (first === TEXT_8 || first === TEXT_16) this.#text();
      else this.#skipFixed(first);
    }
  }

  #skipFixed(first: number): void {
    const more = FIXED.get(first);
    if (more === undefined) throw new Unexpected();
    this.#at += 1 + more;
  }
}
