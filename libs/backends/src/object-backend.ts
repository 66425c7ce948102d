import type { BackendType, Vendor } from '#libs/naming';
import type { BackendCapabilities, TokenKind } from './capabilities.js';
import type { BackendError } from './errors.js';

/** The circumstances of one port call. `deadlineMs` is the budget, from now, for the answer (data calls: for the head of the answer, and again for each silence while bytes flow). */
export interface Call {
  readonly requestId: string;
  readonly signal?: AbortSignal;
  readonly deadlineMs?: number;
}

/** The bytes of an upload: all of them, or a stream of chunks that the receiver may keep. */
export type ObjectBody = Uint8Array | AsyncIterable<Uint8Array>;

/** The headers that HTTP gives an object of its own (RFC 9110 section 8, RFC 9111 section 5). Absent means never set. */
export interface StandardHeaders {
  readonly contentType?: string;
  readonly cacheControl?: string;
  readonly contentDisposition?: string;
  readonly contentEncoding?: string;
  readonly contentLanguage?: string;
  readonly expires?: string;
}

/** What is stored beside the bytes. Names and values are the user's own: an adapter escapes them for its vendor and back. */
export interface ObjectAttributes {
  readonly headers: StandardHeaders;
  /** User metadata, names in lower case, without the `x-amz-meta-` prefix. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  /** The vendor's storage class; absent means the container's default. */
  readonly storageClass?: string;
  /** Stamped into the vendor's metadata, so that whoever finds the bytes knows which write sent them. */
  readonly writeId?: string;
}

/** One write's bytes: the container, the key there (already escaped by the caller for the vendor) and the token. */
export interface ObjectRef {
  readonly container: string;
  readonly key: string;
  readonly token: string;
}

/** A write that must not happen otherwise fails with `precondition` and changes nothing. */
export type WriteCondition = { readonly ifAbsent: true } | { readonly ifToken: string };

export interface PutRequest {
  readonly container: string;
  readonly key: string;
  readonly body: ObjectBody;
  /** The exact length in bytes where it is known. A body that differs fails with `invalid`, and nothing is stored. */
  readonly size?: number;
  readonly attributes: ObjectAttributes;
  readonly condition?: WriteCondition;
}

export interface WriteResult {
  readonly token: string;
  /** The vendor's ETag, unquoted. Not the object's ETag: that is the index's. */
  readonly vendorEtag: string;
  /** Bytes stored. */
  readonly size: number;
  /** MD5 of the whole content in hex, only where the vendor itself computed and answered it. */
  readonly md5?: string;
  /** The class the vendor stored it in. */
  readonly storageClass: string;
}

export interface ObjectHead {
  readonly container: string;
  readonly key: string;
  readonly token: string;
  readonly vendorEtag: string;
  readonly size: number;
  readonly md5?: string;
  readonly lastModified: Date;
  readonly storageClass: string;
  readonly headers: StandardHeaders;
  readonly metadata: Readonly<Record<string, string>>;
  /** Only when asked for: some vendors need a second call. */
  readonly tags?: Readonly<Record<string, string>>;
  readonly writeId?: string;
  /** True while the bytes lie in a class that must be restored before they can be read. */
  readonly archived?: boolean;
}

/** Inclusive on both ends, as in RFC 9110 section 14.1.2, and always inside the object: the caller knows the size. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface GetRequest {
  readonly container: string;
  readonly key: string;
  /** Absent asks for whatever stands there now. A token that stands no more fails with `not-found` or `precondition`. */
  readonly token?: string;
  readonly range?: ByteRange;
  /** The caller promises to be done with each chunk before it asks for the next, so a backend may use its buffers again. */
  readonly transientChunks?: boolean;
}

export type GetAtOnce = (request: GetRequest & { readonly token: string }) => Uint8Array | undefined;

export interface GetResult {
  /** The head of the whole object, also for a range. */
  readonly head: ObjectHead;
  /** Exactly the bytes asked for, once. A cut stream throws; ending early without an error is a defect. Ending the iteration closes the transfer. */
  readonly body: AsyncIterable<Uint8Array>;
  /** The same bytes, where the backend had them all at hand: the transfer is over already, and `body` need not be read. Its reader may keep them. */
  readonly whole?: Uint8Array;
  /** Closes a transfer whose body will not be read. */
  discard(): void;
}

export interface CopyRequest {
  readonly source: ObjectRef;
  readonly container: string;
  readonly key: string;
  /** All attributes of the copy: nothing is inherited from the source but its bytes. */
  readonly attributes: ObjectAttributes;
  readonly condition?: WriteCondition;
}

export interface ListRequest {
  readonly container: string;
  readonly prefix?: string;
  /** `current`: live objects. `everything`: also noncurrent versions, delete markers, and unfinished uploads. */
  readonly include: 'current' | 'everything';
  readonly cursor?: string;
  readonly limit: number;
}
export interface ListedEntry {
  /** `foreign`: something that is no object and cannot be read as one; `reason` says what. */
  readonly kind: 'object' | 'noncurrent' | 'delete-marker' | 'upload' | 'foreign';
  readonly reason?: string;
  readonly key: string;
  /** Names the write (or the upload, for abortion). */
  readonly token: string;
  readonly size: number;
  readonly lastModified?: Date;
  readonly vendorEtag?: string;
  readonly storageClass?: string;
}
export interface ListPage {
  readonly entries: readonly ListedEntry[];
  /** Present while there may be more, also after an empty page. */
  readonly cursor?: string;
}

export interface FoundWrite {
  readonly ref: ObjectRef;
  readonly writeId?: string;
}
/** Bytes that are not those that were written, or were never all there: a process may have died over them. */
export interface DamagedWrite {
  /** The write's token. */
  readonly damaged: string;
  /** Whose it is, where that can still be read. */
  readonly key?: string;
}

/**
 * For backends that place each write under a fresh id and so need no intent (DESIGN section 5): how writes that nobody committed are found again.
 * A process that dies between `put` and its commit leaves bytes that no record names; only such writes may be deleted, never those of a process that lives.
 */
export interface FreshIds {
  /** Says, without I/O, that the caller has committed or deleted this write, so that it need not be looked for after a crash. */
  settle(ref: ObjectRef): void;
  /** Writes that a dead process may have left unsettled, settled ones among them: ask the index before deleting. Staged files of dead processes are removed on the way. */
  unsettled(call: Call, container: string): AsyncIterable<{ readonly ref: ObjectRef; readonly writeId?: string }>;
  /** Every finished write in the container, in no order, by reading all of it: for recovery. What bears a finished write's name and cannot be read is told as well. */
  everyWrite(call: Call, container: string): AsyncIterable<FoundWrite | DamagedWrite>;
  /** True if the write of the first token began after that of the second. */
  isNewer(token: string, than: string): boolean;
  /** Says that all that `unsettled` gave for this container has been dealt with. */
  examined(call: Call, container: string): Promise<void>;
}

export interface ContainerInfo {
  readonly name: string;
  readonly region?: string;
  readonly createdAt?: Date;
  /** What this very container gives: `none` where versioning is off on an S3 family container. */
  readonly tokens: TokenKind;
}
export interface CreateContainerRequest {
  readonly container: string;
  readonly region?: string;
}

/**
 * A place that keeps bytes. One adapter a vendor; every adapter passes the same conformance suite.
 *
 * Guarantees of every adapter:
 * - `put` and `copy` are atomic: whoever reads sees the old bytes or all of the new ones; a write that fails leaves nothing that a listing of
 *   `everything` shows (parts and staging are cleaned up; a clean-up that fails is reported in the error's cause, and the error says `leftBehind`).
 * - An answered write is durable by the vendor's own promise (filesystem: file and directory synced).
 * - A token from `put`, `copy` or `restamp` names exactly that write; `delete` never removes another write's bytes (but see `TokenKind` `none`).
 * - Failures are `BackendError` alone. Adapters neither retry nor time out: wrappers outside do.
 */
export interface ObjectBackend {
  /** The registered name. */
  readonly name: string;
  readonly type: BackendType;
  readonly vendor: Vendor;
  readonly capabilities: BackendCapabilities;

  /** Makes a container that is not there yet, with versioning on where tokens are versions. `conflict` if it exists, whoever owns it; `invalid` if the vendor refuses the name. */
  createContainer(call: Call, request: CreateContainerRequest): Promise<ContainerInfo>;
  /** `not-found` if there is none, `denied` if it is somebody else's. */
  inspectContainer(call: Call, container: string): Promise<ContainerInfo>;
  listContainers(call: Call): Promise<readonly ContainerInfo[]>;
  /** Removes an empty container; `conflict` if `list` of `everything` would show anything. */
  deleteContainer(call: Call, container: string): Promise<void>;

  put(call: Call, request: PutRequest): Promise<WriteResult>;
  get(call: Call, request: GetRequest): Promise<GetResult>;
  /**
   * Present where bytes may be so near that reading them waits for nothing. The bytes of one write, or of the range of it, its reader's to keep, before the call returns. Undefined wherever
   * that is not so, or anything is wrong: `get` reads them then, or says what it is.
   */
  readonly getAtOnce?: GetAtOnce;
  /** Without a token: what stands at the key now. `not-found` if nothing does. */
  head(
    call: Call,
    request: { container: string; key: string; token?: string; withTags?: boolean },
  ): Promise<ObjectHead>;
  /** Removes the bytes of that one write for good. `absent`: no such write is there (any more); nothing was removed. */
  delete(call: Call, ref: ObjectRef): Promise<'deleted' | 'absent'>;
  list(call: Call, request: ListRequest): Promise<ListPage>;
  /** Copies inside the backend. `unsupported` where capabilities say so; the caller then streams. */
  copy(call: Call, request: CopyRequest): Promise<WriteResult>;
  /**
   * Gives the write that `ref` names other attributes (headers, metadata, tags, storage class, write id), bytes unchanged. `precondition` or `not-found` if it stands no more.
   * The result's token names the write from now on: where writes coexist the old one stays until deleted by its token.
   */
  restamp(call: Call, ref: ObjectRef, attributes: ObjectAttributes): Promise<WriteResult>;
  /** Why a call would be refused now before anything is sent; undefined if it would be sent. Absent: all are. */
  readonly refusal?: () => BackendError | undefined;
  /** Present where, and only where, tokens are ids. */
  readonly freshIds?: FreshIds;
  /** Forgets an unfinished upload that `list` of `everything` showed. */
  abortUpload?(call: Call, container: string, upload: { key: string; token: string }): Promise<void>;
  /** Present where a container may be without versions and can be given them. Answers what the container gives from then on; objects that are there already keep their tokens. Idempotent. */
  enableVersioning?(call: Call, container: string): Promise<ContainerInfo>;
  /** Present where a container that others made and filled must be made ready before it is written to. Touches nothing that is in it. Idempotent; `conflict` for one that is not such. */
  prepareTakeover?(call: Call, container: string): Promise<ContainerInfo>;
  /**
   * Present where deleting the newest write of a key by its token brings an older one to light. Makes the key look deleted to whoever names no token, and removes no bytes that a token of
   * kind `version` names.
   */
  conceal?(call: Call, container: string, key: string): Promise<void>;
  /**
   * Finds out what the endpoint really does, in containers of its own whose names begin with `prefix`, and removes them again.
   * Fails with `denied`, `unavailable` or `invalid` and a reason a person understands if the backend cannot be used.
   */
  probe(call: Call, prefix: string): Promise<BackendCapabilities>;
  /** Closes connections. Calls under way fail with `unavailable`. */
  close(): Promise<void>;
}
