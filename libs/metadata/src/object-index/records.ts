import type { BackendType } from '#libs/naming';

/** Brands keep the ids of different things from being swapped by mistake. */
export type BucketId = string & { readonly __brand: 'BucketId' };
export type WriteId = string & { readonly __brand: 'WriteId' };

/** Standard headers as stored; the same shape as the backends port's, but the index owns its own format. */
export interface RecordHeaders {
  readonly contentType?: string;
  readonly cacheControl?: string;
  readonly contentDisposition?: string;
  readonly contentEncoding?: string;
  readonly contentLanguage?: string;
  readonly expires?: string;
}

/** Where a version's bytes are. */
export interface Placement {
  /** Id of the backend (not its name: names are for people). */
  readonly backend: string;
  readonly container: string;
  /** The key there, escaped for the vendor. */
  readonly key: string;
  readonly storageClass: string;
  /** Names that one write. Empty in a candidate whose bytes are not there yet. */
  readonly token: string;
  /** The write id stamped on those bytes. */
  readonly writeId: WriteId;
}

/** How the bytes at a placement are sealed. What lies there is the sealed form (docs/adr/0010-encryption.md): larger than the object, and of another MD5. */
export interface Sealing {
  /** The object's data key, wrapped by a master key and bound to bucket and key. Its beginning names the format of both. */
  readonly key: string;
  /** MD5 of the sealed bytes in hex, for comparing with what a vendor says; absent where no vendor says it. */
  readonly md5?: string;
}

/** What the index knows of one object version. */
export interface ObjectRecord {
  readonly size: number;
  /** The object's own ETag, unquoted: MD5 of the content in hex (requirement A2.15). */
  readonly etag: string;
  readonly checksums: Readonly<Record<string, string>>;
  readonly headers: RecordHeaders;
  readonly metadata: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  /** Name of the tier policy that chose the class, if one did. */
  readonly tier?: string;
  /** The tier or class was asked for this object itself, by a request or a rule; absent: it is what the bucket's policy gave. */
  readonly ownTier?: true;
  /** Milliseconds since the epoch. For people and for conditional requests; order is the revision's. */
  readonly lastModified: number;
  readonly placement: Placement;
  /** Absent: the plain bytes lie there. */
  readonly sealing?: Sealing;
  /** Set when the backend answered that the bytes are not there. The record stays until an operator decides (invariant 2). */
  readonly missing?: true;
}

export const INTENT_KINDS = ['put', 'copy', 'move', 'restamp', 'heal'] as const;
export type IntentKind = (typeof INTENT_KINDS)[number];

/** A write that has begun. */
export interface Intent {
  readonly writeId: WriteId;
  readonly kind: IntentKind;
  /** The record to be, as far as it is known; its placement has no token yet. */
  readonly candidate: ObjectRecord;
  /** The write was conditional: among coexisting versions it gives way to unconditional ones, which may follow it but not precede it. */
  readonly guarded?: true;
  /** The key document's revision when the write began. */
  readonly baseRevision: number;
  /** Raised by the living writer. Dead is whoever's stands still on the sweeper's own monotonic clock. */
  readonly heartbeat: number;
  /** Set by the sweeper before it touches bytes: the writer may neither commit nor acknowledge. */
  readonly fenced?: true;
}

/** Bytes that no reader is sent to any more, to be deleted by token after the grace. */
export interface Garbage {
  readonly placement: Placement;
  /** Milliseconds since the epoch before which readers in flight may still need them. */
  readonly notBefore: number;
}

/** An exclusive right to change one key of a weak backend. */
export interface Lease {
  readonly holder: WriteId;
  readonly heartbeat: number;
}

/** The one index document of a (bucket, key). Absent from the store when it would hold nothing. */
export interface KeyDocument {
  /** Raised by every commit (a new current record, or its removal); the order of versions, never a clock's. */
  readonly revision: number;
  readonly current?: ObjectRecord;
  readonly intents: readonly Intent[];
  readonly garbage: readonly Garbage[];
  readonly lease?: Lease;
}

export const BUCKET_STATES = ['creating', 'active', 'deleting'] as const;
export type BucketState = (typeof BUCKET_STATES)[number];

/** A bucket's container on one backend. */
export interface BucketContainer {
  readonly backend: string;
  readonly container: string;
  /** Token of the marker object that says whose container this is; without it nothing there is healed or deleted. */
  readonly marker: string;
  /** Taken over from the vendor: detached at deletion, never deleted. */
  readonly adopted?: true;
  /** Set while a job still indexes what lay there when it was taken over: a key that the index does not know may be there all the same. */
  readonly adopting?: true;
  /** Set while a finished migration waits for this container to be empty, so that it can be removed. */
  readonly retiring?: true;
  /** True where nothing names a write there: changes take a lease. */
  readonly weak?: true;
}

/** A bucket as the data path needs it: a document of the index, checked at every commit. */
export interface BucketDocument {
  readonly id: BucketId;
  readonly name: string;
  readonly state: BucketState;
  readonly ownerId: string;
  readonly createdAt: number;
  /** As the user named it at creation, for showing. */
  readonly type: BackendType;
  /** Backend id that new objects go to. */
  readonly home: string;
  /** Tier policy name. */
  readonly policy?: string;
  /** New objects are sealed. */
  readonly encrypted?: true;
  /**
   * Set by a restore, in milliseconds since the epoch: the document is as of a backup that was begun then, and what was written since is still to be found at the vendors (ADR 14).
   * Until that is done nobody reads, writes or sweeps the bucket.
   */
  readonly recovering?: number;
  readonly containers: readonly BucketContainer[];
}
