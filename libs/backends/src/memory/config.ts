import type { Vendor } from '#libs/naming';
import type { TokenKind } from '../capabilities.js';

/** A point of a call at which a test may hold it: before it does anything, between the check and the change of a delete without tokens, after its change and before its answer. */
export interface MemoryGatePoint {
  readonly operation: 'put' | 'get' | 'head' | 'delete' | 'list' | 'copy' | 'restamp';
  readonly phase: 'before' | 'checked' | 'after';
}

/** What a call is about. The token is absent where none is named, and before a write has one. */
export interface MemoryGateRef {
  readonly container: string;
  readonly key?: string;
  readonly token?: string;
}

/** Awaited at each point; what it throws, the call throws (after a change: the answer is lost, the change stays). */
export type MemoryGate = (point: MemoryGatePoint, ref: MemoryGateRef) => Promise<void> | void;

export interface MemoryOptions {
  readonly name: string;
  readonly tokens: TokenKind;
  /** Default: a vendor of which the token kind is typical. */
  readonly vendor?: Vendor;
  /** What it keeps objects in, the default first. Default: `STANDARD` and `COLD`. */
  readonly storageClasses?: readonly string[];
  readonly gate?: MemoryGate;
  readonly now?: () => Date;
}
