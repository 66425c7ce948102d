import type { KeyAddress } from '../object-index.js';
import type { BucketDocument, BucketId, KeyDocument } from '../records.js';

/** What a change expects of the stored document: its version, or null where there must be none. */
export interface Expectation {
  readonly expected: number | null;
  /** Given, the document must still bear it. */
  readonly permit?: string;
}

/** A permit on a key, as found. */
export interface FoundPermit {
  readonly address: KeyAddress;
  readonly permit: string;
}

/**
 * What the store does with one key document, each call one atomic operation on that one document (`revoke`: two, either alone harmless).
 * A permit is the right of one change to be made for as long as nobody takes it away: ADR 8.
 */
export interface KeySteps {
  /** Undefined: nothing at all. Without a version: a permit for a document that does not exist yet. */
  look(address: KeyAddress): Promise<{ readonly version?: number; readonly permit?: string } | undefined>;
  /** Puts the permit on a document that is as expected and bears none. */
  takePermit(address: KeyAddress, expected: number | null, permit: string): Promise<boolean>;
  /** Replaces the document that is as expected, under a new version; any permit on it is gone then. */
  put(address: KeyAddress, expectation: Expectation, next: KeyDocument): Promise<boolean>;
  remove(address: KeyAddress, expectation: Expectation): Promise<boolean>;
  /** Takes the permit away, if it is still there. */
  revoke(found: FoundPermit): Promise<void>;
  /** Every permit on keys of the bucket that was there when this began, and is still. */
  permitsOf(bucket: BucketId): Promise<readonly FoundPermit[]>;
  /** True when the bucket has a key document; a permit alone is none. */
  holdsKeys(bucket: BucketId): Promise<boolean>;
}

/** A change of a bucket's document that is under way: everybody may know it, nobody acts on it yet. */
export interface Announcement {
  readonly id: string;
  /** Undefined: the bucket is to be removed. */
  readonly next: BucketDocument | undefined;
}

/** A bucket's document as it is stored. */
export interface HeldBucket {
  readonly version: number;
  readonly document: BucketDocument;
  readonly announced?: Announcement;
}

/** What the store does with one bucket document, each call one atomic operation. */
export interface BucketSteps {
  read(id: BucketId): Promise<HeldBucket | undefined>;
  /** False where the id or the name is taken. */
  insert(document: BucketDocument): Promise<boolean>;
  /** Replaces the document of that version, if no change of it is announced. */
  replace(expected: number, next: BucketDocument): Promise<boolean>;
  /** Announces a change of the document of that version, if no other is announced. */
  announce(id: BucketId, expected: number, announcement: Announcement): Promise<boolean>;
  /** Makes the announced change, if it still is announced. */
  complete(id: BucketId, announcement: Announcement): Promise<boolean>;
  /** Takes the announcement back, if it is still there. */
  withdraw(id: BucketId, announcement: Announcement): Promise<boolean>;
}

/** The steps of one change, in causal order: each sees what the ones before it saw or did. */
export interface Steps {
  readonly keys: KeySteps;
  readonly buckets: BucketSteps;
  /** A name for a permit or an announcement that no other has. */
  newId(): string;
  /** Waits a moment for another's change; `round` counts from 0. */
  pause(round: number): Promise<void>;
  /** After so many pauses another's permit, or its announced removal, is taken for abandoned. */
  readonly patience: number;
}
