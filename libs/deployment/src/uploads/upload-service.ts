import type { BucketDocument } from '#libs/metadata';
import type { Conditions, Expectations, OperationContext, UserAttributes } from '#libs/objects';

/** What an upload is to become. Kept with it, and checked when it begins and again when it is complete. */
export interface UploadWish {
  readonly key: string;
  readonly attributes: UserAttributes;
  readonly storageClass?: string;
  readonly conditions?: Conditions;
  /** Digests of the whole content. */
  readonly expected: Pick<Expectations, 'md5' | 'checksums'>;
  /** What the client's protocol wants back, as it came. */
  readonly echo?: string;
}

/** Where an upload goes, as the caller was let in there. */
export interface UploadPlace {
  readonly bucket: BucketDocument;
  readonly key: string;
}

/** An upload as its maker sees it. Times are milliseconds since the epoch, sizes bytes. */
export interface Upload {
  readonly id: string;
  readonly size: number;
  /** Bytes that are durable: the next are expected from here. */
  readonly offset: number;
  readonly isDone: boolean;
  /** Of the object, once it is there. */
  readonly etag?: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly echo?: string;
}

/**
 * Uploads that survive cut connections and dead processes. Nothing of one lies in a process: any may take the next request. Only who began it, and administrators, see it; to others, and under another key, it is `no-such-upload`.
 * When its last byte is durable the object appears by one ordinary put; what that put refuses, the upload is refused, then and on every later look.
 */
export interface UploadService {
  /** Fails as a put would, as far as that can be told without bytes, and with `too-many-uploads`. Holds room in the quotas. */
  create(
    context: OperationContext,
    place: UploadPlace,
    wish: { id: string; size: number; upload: UploadWish },
  ): Promise<Upload>;
  /** How far it is. One that has all its bytes is put together first, if that has not happened. */
  get(context: OperationContext, place: UploadPlace, id: string): Promise<Upload>;
  /**
   * Takes bytes at this offset to the end of the body; a body that is cut ends there. Each stretch is durable before the next is begun. Fails with `upload-offset` where it does not go on there, and then and on any other failure
   * keeps the stretches before it.
   */
  append(context: OperationContext, place: UploadPlace, part: UploadPart): Promise<Upload>;
  /** Ends it; nothing of it stays. */
  remove(context: OperationContext, place: UploadPlace, id: string): Promise<void>;
}

export interface UploadPart {
  readonly id: string;
  readonly offset: number;
  readonly body: AsyncIterable<Uint8Array>;
}
