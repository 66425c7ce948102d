import type { WriteCondition, WriteResult } from '#libs/backends';
import type { IntentKind, KeyDocument, ObjectRecord, Sealing, WriteId } from '#libs/metadata';
import { md5OfEtag } from '../content/etags.js';
import type { Engine } from '../engine.js';
import type { Target } from '../target.js';

/** What the backend must have, byte for byte. */
export interface StoredContent {
  readonly size: number;
  /** In hex; absent where nobody would compare it. */
  readonly md5?: string;
}

/** What is known of the content once its bytes have been sent. */
export interface Content {
  readonly size: number;
  /** MD5 in hex. */
  readonly etag: string;
  readonly checksums: Readonly<Record<string, string>>;
  /** What was sent in its place, where that is not the plain bytes. */
  readonly sealed?: { readonly sealing: Sealing; readonly stored: StoredContent };
}

/** What the backend must have of this content: the sealed bytes, or the plain ones. */
export function storedOf({ size, etag, sealed }: Content): StoredContent {
  const md5 = md5OfEtag(etag);
  return sealed?.stored ?? { size, ...(md5 === undefined ? {} : { md5 }) };
}

export interface SendOptions {
  /** Aborts when the writer lost its right to write (fenced), or the client went away. */
  readonly signal: AbortSignal;
  readonly condition?: WriteCondition;
}

/** One change of one key: everything the protocol needs to carry it through. Put, copy, move, restamp and heal are all of this shape; a delete sends no bytes and has its own, shorter form. */
export interface Mutation {
  readonly target: Target;
  readonly kind: IntentKind;
  readonly writeId: WriteId;
  /** The record to be. Its size, etag and token may still be unknown. */
  readonly candidate: ObjectRecord;
  /** Throws unless the change may happen to this document. Asked when the write begins and again at its commit. */
  readonly guard?: (document: KeyDocument) => void;
  /** How much longer than the grace the superseded bytes stay, in milliseconds. */
  readonly keepSourceMs?: number;
  /** Sends the bytes, stamped with the write id. */
  readonly send: (options: SendOptions) => Promise<WriteResult>;
  /** What was sent, once the source has ended; undefined before. */
  readonly content: () => Content | undefined;
}

/** `overwritten`: the write happened and was superseded by a concurrent one before anybody could see it. */
export type Outcome = {
  readonly record: ObjectRecord;
  readonly fate: 'committed' | 'overwritten';
  /** The record whose place it took; absent: there was none, or somebody else committed for it. */
  readonly replaced?: ObjectRecord;
};

/** Kinds that carry an object's present content elsewhere. They yield to every client's write: a mover must never win over newer bytes. */
export function isSubordinate(kind: IntentKind): boolean {
  return kind === 'move' || kind === 'restamp';
}

export function recordOf(mutation: Mutation, result: WriteResult): ObjectRecord {
  const content = mutation.content();
  return {
    ...mutation.candidate,
    ...(content ? recordedOf(content) : {}),
    placement: { ...mutation.candidate.placement, token: result.token, storageClass: result.storageClass },
  };
}

function recordedOf({ size, etag, checksums, sealed }: Content): Partial<ObjectRecord> {
  if (!sealed) return { size, etag, checksums };
  const { sealing, stored } = sealed;
  return { size, etag, checksums, sealing: { ...sealing, ...(stored.md5 === undefined ? {} : { md5: stored.md5 }) } };
}

/** Milliseconds since the epoch from which the bytes that this mutation supersedes may go. */
export function garbageFrom(engine: Engine, mutation: Mutation): number {
  return engine.clock.now() + engine.settings.graceMs + (mutation.keepSourceMs ?? 0);
}
