import { INDEX_KINDS, type ArchivedRows, type StoredBucket, type StoredKeyDocument } from '#libs/metadata';
import { z } from 'zod';

/** The version of the file's own form: 2 is signed, 1 was not. What the tables and the index hold have versions of their own, in the header. */
export const FILE_VERSION = 2;

/**
 * The first line. A backup is a gzip file (RFC 1952) of lines of JSON in UTF-8: this header; pages of rows, of buckets and of keys, in that order; and a trailer. See docs/guides/backup.md.
 * It holds no master key; secrets are in it as the control plane has them, sealed.
 */
export const header = z.object({
  format: z.literal('spumoni-backup'),
  version: z.number().int(),
  /** When it was begun, in milliseconds since the epoch: everything in it is as of then or later. */
  createdAt: z.number(),
  deployment: z.uuid(),
  migrations: z.array(z.string()),
  /** Ids of the master keys that are needed to use what is in it. */
  masterKeys: z.array(z.string()),
  index: z.object({ kind: z.enum(INDEX_KINDS), format: z.number().int() }),
  /** The key of its signature, wrapped by a master key. */
  signature: z.string().optional(),
});
export type Header = z.output<typeof header>;

const counts = z.object({ rows: z.record(z.string(), z.number()), buckets: z.number(), keys: z.number() });
/** How much is in a backup. */
export type Counts = z.output<typeof counts>;

/** The last line: what must have come before it. `sha256` is that of all bytes of the lines before, in hex, and so is `hmac`, HMAC-SHA256 under the signature's key. */
export const trailer = z.object({ end: counts.extend({ sha256: z.string(), hmac: z.string().optional() }) });
export type Trailer = z.output<typeof trailer>;

/** A line between header and trailer. */
export type Page =
  | ArchivedRows
  | { readonly buckets: readonly (readonly [id: string, stored: StoredBucket])[] }
  | { readonly keys: readonly (readonly [bucket: string, key: string, stored: StoredKeyDocument])[] };

/** Bytes of one line: far more than a page of the largest documents takes, and a bound for what is no backup at all. */
export const MAX_LINE_BYTES = 256 * 1024 * 1024;

/** Adds up what pages hold. */
export class Tally {
  readonly #rows: Record<string, number> = {};
  #buckets = 0;
  #keys = 0;

  add(page: Page): void {
    if ('rows' in page) this.#rows[page.table] = (this.#rows[page.table] ?? 0) + page.rows.length;
    else if ('buckets' in page) this.#buckets += page.buckets.length;
    else this.#keys += page.keys.length;
  }

  get keys(): number {
    return this.#keys;
  }

  counts(): Counts {
    return { rows: { ...this.#rows }, buckets: this.#buckets, keys: this.#keys };
  }
}
