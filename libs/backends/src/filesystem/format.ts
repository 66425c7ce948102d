import { crc32 } from 'node:zlib';
import type { ObjectAttributes } from '../object-backend.js';

/*
 * The file of one write, format 1. All numbers are little-endian.
 *
 *   body      the object's bytes
 *   trailer   JSON in UTF-8: {key, modified, headers, metadata, tags, storageClass?, writeId?}
 *   footer    32 bytes:
 *      0  u64  length of the body
 *      8  u32  length of the trailer
 *     12  u32  1 if the next field holds, else 0
 *     16  u32  CRC-32 of the body (of small files: they are written in place, and a torn one must not look whole)
 *     20  u32  CRC-32 of the trailer and of the footer's first 20 bytes
 *     24  8 b  'SPUMOBJ1'
 *
 * A file says everything about itself, so an index can be rebuilt from the files alone. A file without a right footer is a write that never finished.
 */

export const FOOTER_BYTES = 32;
const MAGIC = Buffer.from('SPUMOBJ1', 'latin1');

/** What a file tells about its write. */
export interface Trailer {
  readonly key: string;
  /** Milliseconds since 1970. */
  readonly modified: number;
  readonly attributes: ObjectAttributes;
}

export interface Footer {
  readonly bodyLength: number;
  readonly trailerLength: number;
  /** Absent for bodies that were not checksummed. */
  readonly bodyCrc: number | undefined;
  readonly crc: number;
}

/** Trailer and footer for a body of this length, ready to follow it. */
export function encodeTail(trailer: Trailer, bodyLength: number, bodyCrc?: number): Buffer {
  const { key, modified, attributes } = trailer;
  const json = Buffer.from(JSON.stringify({ key, modified, ...attributes }));
  const tail = Buffer.alloc(json.length + FOOTER_BYTES);
  json.copy(tail);
  const footer = tail.subarray(json.length);
  footer.writeBigUInt64LE(BigInt(bodyLength), 0);
  footer.writeUInt32LE(json.length, 8);
  footer.writeUInt32LE(bodyCrc === undefined ? 0 : 1, 12);
  footer.writeUInt32LE(bodyCrc ?? 0, 16);
  footer.writeUInt32LE(crc32(tail.subarray(0, json.length + 20)), 20);
  MAGIC.copy(footer, 24);
  return tail;
}

/** Reads the footer at the end of `tail`, the last bytes of a file of `fileSize`. Undefined if this is no finished file. */
export function decodeFooter(tail: Buffer, fileSize: number): Footer | undefined {
  if (tail.length < FOOTER_BYTES) return undefined;
  const footer = tail.subarray(tail.length - FOOTER_BYTES);
  if (!footer.subarray(24).equals(MAGIC)) return undefined;
  const bodyLength = Number(footer.readBigUInt64LE(0));
  const trailerLength = footer.readUInt32LE(8);
  if (bodyLength + trailerLength + FOOTER_BYTES !== fileSize) return undefined;
  const bodyCrc = footer.readUInt32LE(12) === 1 ? footer.readUInt32LE(16) : undefined;
  return { bodyLength, trailerLength, bodyCrc, crc: footer.readUInt32LE(20) };
}

function trailerStart(tail: Buffer, footer: Footer): number {
  return tail.length - FOOTER_BYTES - footer.trailerLength;
}

/** False if the trailer before the footer at the end of `tail` is not the one that was written. */
export function isTrailerWhole(tail: Buffer, footer: Footer): boolean {
  const start = trailerStart(tail, footer);
  return start >= 0 && crc32(tail.subarray(start, tail.length - FOOTER_BYTES + 20)) === footer.crc;
}

/** Reads a trailer that is whole. Undefined if its form is another. */
export function decodeTrailer(tail: Buffer, footer: Footer): Trailer | undefined {
  return trailerOf(JSON.parse(tail.toString('utf8', trailerStart(tail, footer), tail.length - FOOTER_BYTES)));
}

/** True if a whole trailer begins as one of that key does: tells it without reading the rest. */
export function beginsWithKey(tail: Buffer, footer: Footer, key: string): boolean {
  const start = trailerStart(tail, footer);
  const beginning = Buffer.from(`{"key":${JSON.stringify(key)},`);
  return tail.subarray(start, start + beginning.length).equals(beginning);
}

/** Checked by hand: the checksum holds already, and this runs once a read. Undefined if another program wrote it. */
function trailerOf(parsed: unknown): Trailer | undefined {
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const { key, modified, headers, metadata, tags, storageClass, writeId } = parsed as Readonly<Record<string, unknown>>;
  if (typeof key !== 'string' || typeof modified !== 'number') return undefined;
  if (!isStrings(headers) || !isStrings(metadata) || !isStrings(tags)) return undefined;
  const attributes = {
    headers,
    metadata,
    tags,
    ...(typeof storageClass === 'string' ? { storageClass } : {}),
    ...(typeof writeId === 'string' ? { writeId } : {}),
  };
  return { key, modified, attributes };
}

function isStrings(value: unknown): value is Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null) return false;
  for (const name in value) if (typeof (value as Readonly<Record<string, unknown>>)[name] !== 'string') return false;
  return true;
}
