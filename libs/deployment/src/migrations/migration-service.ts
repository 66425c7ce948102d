import type { Page, PageRequest } from '#libs/metadata';
import type { OperationContext } from '#libs/objects';
import type { JobView } from '../jobs/job-service.js';

/** What a client sends to plan or start a migration (DESIGN section 6). */
export interface MigrationInput {
  /** Name of the bucket. */
  readonly bucket?: unknown;
  /** `{backend, container?}`, by name. */
  readonly destination?: unknown;
  /** Name of the backend to empty; absent: the bucket's home. Needed only to finish what an earlier migration left elsewhere. */
  readonly source?: unknown;
  /** How many seconds longer than the grace the source's bytes stay after each object's move; 0 if absent. */
  readonly sourceRetention?: unknown;
}

/** Objects that the destination cannot hold, of one kind: how many, and the first keys. */
export interface MigrationObstacle {
  readonly kind: 'key' | 'metadata' | 'tags' | 'size';
  readonly objects: number;
  /** The first ten. */
  readonly examples: readonly { readonly key: string; readonly reason: string }[];
}

/** What a migration would do, from the index alone: no vendor is asked. */
export interface MigrationPlan {
  readonly bucket: string;
  /** Names of backends. */
  readonly source: string;
  readonly destination: string;
  /** The name the container there will have; `exact` false: a slug with this beginning, as the name itself is not legal there. */
  readonly container: { readonly name: string; readonly exact: boolean };
  /** What lies at the source now. */
  readonly objects: number;
  readonly bytes: number;
  /** Objects whose bytes are marked missing: they are not moved. */
  readonly missing: number;
  readonly obstacles: readonly MigrationObstacle[];
}

/** A migration as it is shown: JSON-ready. */
export interface MigrationView extends JobView {
  /** Names of the backends (ids once they are registered no more). */
  readonly source: string;
  readonly destination: string;
  readonly sourceRetention: number;
  /** `done` once the source's container has gone, or was never Spumoni's to remove; the sweep does it after the last grace. */
  readonly sourceCleanup: 'pending' | 'done';
}

/**
 * Moving live buckets between backends. Reads, writes and listings go on being right throughout.
 *
 * Cancelling stops after the page of keys under way. Objects already moved stay where they are and stay readable; the bucket's home goes back to the source, since who cancels does not want
 * the bucket at the destination: new writes go to the source again. Another migration (either way) unites the bucket. Resuming a *failed* migration starts a new one with the same ends and answers that one.
 * Fails with `DeploymentError`: `invalid-migration` (each wrong field; nothing to move), `no-such-migration`, `migration-unfinished` (naming the other), `wrong-state`;
 * with `ObjectsError` where bucket or backend are not there (`no-such-bucket`, `unknown-backend`).
 */
export interface MigrationService {
  plan(context: OperationContext, input: MigrationInput): Promise<MigrationPlan>;
  start(context: OperationContext, input: MigrationInput): Promise<MigrationView>;
  get(id: string): Promise<MigrationView>;
  /** Newest first; `bucket` is a name. */
  list(page: PageRequest & { readonly bucket?: string }): Promise<Page<MigrationView>>;
  watch(id: string, signal?: AbortSignal): AsyncIterable<MigrationView>;
  pause(id: string): Promise<MigrationView>;
  resume(id: string): Promise<MigrationView>;
  cancel(id: string): Promise<MigrationView>;
}
