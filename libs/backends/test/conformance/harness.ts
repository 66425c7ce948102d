import type { ObjectBackend } from '../../src/index.js';

/** A case that this server cannot show. It becomes a skipped test whose title ends in ` [skipped: reason]`, so that it is counted. */
export interface Gap {
  readonly case: string;
  readonly reason: string;
}

/** What a vendor's spec gives the suite. */
export interface Harness {
  open(): Promise<{ backend: ObjectBackend; close(): Promise<void> }>;
  /** Gaps of the server, never of the adapter: what the adapter cannot do is in its capabilities, and cases ask those. */
  readonly gaps: readonly Gap[];
  /** Size of the large objects. Default 12 MiB + 7: above two parts of the smallest part size that vendors allow. */
  readonly bigObjectBytes?: number;
  /** Leaves an unfinished upload of `key`, as a writer that died would. Without it the case `listing/uploads` is skipped. */
  leaveUpload?(backend: ObjectBackend, container: string, key: string): Promise<void>;
  /**
   * Lets a process die that has written `left` (stamped `of-<key>`) without settling it, and is still sending `unfinished`. Needed where the backend has fresh
   * ids.
   */
  dieWriting?(backend: ObjectBackend, container: string, keys: { left: string; unfinished: string }): Promise<void>;
}
