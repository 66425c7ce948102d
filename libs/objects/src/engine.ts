import type { Call, ObjectBackend } from '#libs/backends';
import type { BucketDocument, BucketStore, KeyAddress, ObjectIndex, ObjectRecord, WriteId } from '#libs/metadata';
import type { BackendType, Vendor } from '#libs/naming';
import type { TierPolicy } from '#libs/tiering';
import type { Quotas } from './quotas.js';

/** Who asks. A user touches only what is theirs; an administrator, all. */
export interface Actor {
  readonly userId: string;
  readonly isAdmin: boolean;
}

/** The circumstances of one domain call: its first argument everywhere. */
export interface OperationContext {
  readonly requestId: string;
  readonly actor: Actor;
  readonly signal?: AbortSignal;
}

/** Time, injected so that tests own it. */
export interface Clock {
  /** Milliseconds since the epoch: for people, for dates, for the grace. */
  now(): number;
  /** Milliseconds that never go back: for judging who is dead. */
  monotonic(): number;
  /** Resolves after so many milliseconds, or rejects when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls again and again until the returned function is called. A tick never overlaps itself. */
  every(ms: number, tick: () => Promise<void>): () => void;
}

/** Open backends by id. A backend that is not registered (any more) fails with `unknown-backend`. */
export interface BackendDirectory {
  open(backendId: string): Promise<ObjectBackend>;
  /** What `open` would answer, where it is open already; else undefined. Absent: nothing is known to be. */
  opened?(backendId: string): ObjectBackend | undefined;
}

/** A registered backend as the domain needs to know it before it is opened. */
export interface KnownBackend {
  readonly id: string;
  readonly name: string;
  readonly type: BackendType;
  readonly vendor: Vendor;
  readonly region?: string;
  /** The last check succeeded. */
  readonly healthy: boolean;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
}

/** Which backends are registered, as of at most a second ago. */
export interface BackendCatalog {
  list(): Promise<readonly KnownBackend[]>;
}

/** Wraps the data keys of sealed objects by the deployment's master key. `boundTo` says whose a data key is: it unwraps only with the same. */
export interface DataKeys {
  /** Under the master key that is current now. */
  wrap(dataKey: Uint8Array, boundTo: readonly string[]): string;
  /** Fails with `key-unavailable` if its master key is not at hand, and with `damaged` if it was altered or is bound to something else. */
  unwrap(wrapped: string, boundTo: readonly string[]): Uint8Array;
  /** Whether it is wrapped under the master key that is current now. */
  isCurrent(wrapped: string): boolean;
}

/** The places in the mutation at which a test may stop, reorder or kill (DESIGN section 5). */
export const CRASH_POINTS = [
  'intent-recorded',
  'bytes-sent',
  'before-commit',
  'committed',
  'removal-committed',
  'intent-fenced',
  'dead-bytes-settled',
  'garbage-deleted',
  'bucket-reserved',
  'container-created',
  'container-marked',
  'bucket-marked-deleting',
  'container-deleted',
] as const;
export type CrashPoint = (typeof CRASH_POINTS)[number];

/** Called at each point with the key it is about. In production it does nothing. */
export type ReachPoint = (point: CrashPoint, about: string) => Promise<void> | void;

export interface EngineSettings {
  /** How long superseded bytes stay for readers in flight. */
  readonly graceMs: number;
  /** How often a writer shows that it lives. */
  readonly heartbeatMs: number;
  /** How long a heartbeat must stand still, on the sweeper's own clock, before its writer is taken for dead. */
  readonly deadAfterMs: number;
  /** How long a writer that lost, a reader that met a write in progress, or a change of a weak key waits before it answers 503. */
  readonly patienceMs: number;
  /** For how long writes believe in a container's marker that was seen. Infinity: none is looked for. */
  readonly markerAgeMs: number;
  /** Identifies this deployment in the marker of every container. */
  readonly deploymentId: string;
  /** New buckets are encrypted where their creation does not say. */
  readonly encryptBuckets?: boolean;
}

export const DEFAULT_TIMES = {
  graceMs: 15 * 60_000,
  heartbeatMs: 5_000,
  deadAfterMs: 30_000,
  patienceMs: 20_000,
  markerAgeMs: 30_000,
} as const;

/**
 * Told of commits, once they are durable and before they are answered; it must return at once and must not throw. A process that dies in between tells nobody.
 */
export interface CommitObserver {
  /** The current record of a key changed; null: there was, or is, none. */
  keyChanged(address: KeyAddress, before: ObjectRecord | null, after: ObjectRecord | null): void;
  bucketChanged(before: BucketDocument, after: BucketDocument | null): void;
}

/** What every part of the domain works with. */
export interface Engine {
  readonly index: ObjectIndex;
  readonly backends: BackendDirectory;
  readonly catalog: BackendCatalog;
  /** The rows that reserve bucket names. */
  readonly buckets: BucketStore;
  /** The tier policies as of at most a second ago. */
  readonly policies: () => Promise<readonly TierPolicy[]>;
  readonly dataKeys: DataKeys;
  readonly clock: Clock;
  readonly newWriteId: () => WriteId;
  /** So many random bytes in hex, for ids and slugs. */
  readonly randomHex: (bytes: number) => string;
  readonly reach: ReachPoint;
  readonly observer?: CommitObserver;
  /** Absent: nothing limits what is stored. */
  readonly quotas?: Quotas;
  readonly settings: EngineSettings;
}

export function callOf(context: { requestId: string; signal?: AbortSignal }): Call {
  return context.signal ? { requestId: context.requestId, signal: context.signal } : { requestId: context.requestId };
}
