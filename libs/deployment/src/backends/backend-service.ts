import type { BackendCapabilities, CircuitState } from '#libs/backends';
import type { BackendState, Page, PageRequest } from '#libs/metadata';
import type { BackendType, S3Profile, Vendor } from '#libs/naming';
import type { StorageClass } from '#libs/tiering';

/** A registered backend as it is shown: JSON-ready, without any credential. Times are ISO 8601. */
export interface BackendView {
  readonly id: string;
  readonly name: string;
  readonly type: BackendType;
  readonly profile?: S3Profile;
  /** Whose rules and storage classes hold: the type, or the profile of an S3-compatible one. */
  readonly vendor: Vendor;
  readonly endpoint?: string;
  readonly region?: string;
  readonly options: Readonly<Record<string, string | number | boolean>>;
  /** Names of the credential fields that are set; their values are never shown again (A1.16). */
  readonly credentials: readonly string[];
  /** As the last check that passed found them. */
  readonly capabilities: BackendCapabilities;
  /** Nothing names a single write there, so each change takes an exclusive lease: slower, and open to writers beside Spumoni. */
  readonly weak: boolean;
  readonly state: BackendState;
  /** Whether calls are sent there, as the process that answers sees it. */
  readonly circuit: { readonly state: CircuitState; readonly reason?: string; readonly retryAfterSeconds?: number };
  readonly lastCheckedAt?: string;
  /** Why the last check failed; absent after one that passed. */
  readonly lastCheckError?: string;
  /** The classes that an object there may have, with what each costs in days and bytes. */
  readonly storageClasses: readonly StorageClass[];
  readonly createdAt: string;
  /** Raised by every change; give it back where a change must not overtake another's. */
  readonly revision: number;
}

/** What a client sends to register a backend (DESIGN section 6); nothing in it is believed before it was read. `gcp` stands for `gcs`. */
export interface BackendInput {
  readonly name?: unknown;
  readonly type?: unknown;
  readonly profile?: unknown;
  readonly endpoint?: unknown;
  readonly region?: unknown;
  readonly credentials?: unknown;
  readonly options?: unknown;
}

/** What a client sends to change one: each field given replaces the old one whole; null takes endpoint or region away. */
export interface BackendChangeInput {
  readonly endpoint?: unknown;
  readonly region?: unknown;
  readonly options?: unknown;
  /** Replace all of them; needed where the change sends credentials to another place. */
  readonly credentials?: unknown;
  readonly expectedRevision?: number;
}

/**
 * The registered backends, for administrators. Every definition is probed in containers of its own (names begin `spumoni-probe-`) before it is kept, so a kept one has worked once.
 * Fails with `DeploymentError`: `invalid-backend` (each wrong field), `backend-exists`, `no-such-backend`, `backend-check-failed` (the vendor's reason, nothing kept),
 * `credentials-required`, `backend-in-use`, `changed-meanwhile` (somebody else's change came between; read again).
 */
export interface BackendService {
  register(requestId: string, input: BackendInput): Promise<BackendView>;
  /** By name. */
  get(name: string): Promise<BackendView>;
  /** In the order of names; `after` is a name. */
  list(page: PageRequest): Promise<Page<BackendView>>;
  /** Probes again and keeps what it found. A failed check is an answer, not an error: state and reason are in the view, and the capabilities stay. */
  check(requestId: string, name: string): Promise<BackendView>;
  /** Replaces all credentials, once the new ones have passed a probe. */
  rotate(requestId: string, name: string, credentials: unknown, expectedRevision?: number): Promise<BackendView>;
  /**
   * Changes endpoint, region, options or credentials, once the new definition has passed a probe. A change by which credentials would be sent to another place brings them along, else it fails with
   * `credentials-required`, naming the settings, and nothing is sent: what is stored goes nowhere but where whoever gave it wished it to go.
   */
  update(requestId: string, name: string, change: BackendChangeInput): Promise<BackendView>;
  /** Refused while anything lives there, saying what: buckets at home there, buckets with a container there (one being emptied included), a tier policy or unfinished job that names it. */
  remove(name: string): Promise<void>;
}
