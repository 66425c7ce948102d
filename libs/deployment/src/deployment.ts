import type { BackendObserver, CircuitState } from '#libs/backends';
import type { LinkMaker, LinkPlace, ParsedLink, Principal, UserService } from '#libs/identity';
import type { ControlPlane } from '#libs/metadata';
import type { Clock, Engine, ReachPoint } from '#libs/objects';
import type { Secret } from '#libs/secrets';
import type { Settings } from '#libs/settings';
import type { Tracing } from '#libs/tracing';
import type { BackupService } from './backups/backup-service.js';
import type { BackendService } from './backends/backend-service.js';
import type { EncryptionService } from './encryption/encryption-service.js';
import type { EventService } from './events/event-service.js';
import type { JobService } from './jobs/job-service.js';
import type { LimitsService } from './limits/limits-service.js';
import type { Traffic } from './limits/traffic.js';
import type { LifecycleService } from './lifecycles/lifecycle-service.js';
import type { MigrationService } from './migrations/migration-service.js';
import type { RetierService } from './retiers/retier-service.js';
import type { UploadService } from './uploads/upload-service.js';
import type { UsageCounters } from './usage/usage-counters.js';
import type { UsageService } from './usage/usage-service.js';
import type { TakeoverService } from './takeovers/takeover-service.js';
import type { TierService } from './tiers/tier-service.js';

/** Where a deployment says what happens to it; a pino logger is one. */
export interface Logger {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

/** What a process brings to its deployment. `clock` and `reach` are for tests; the system's are the default. */
export interface DeploymentOptions {
  /** Only the API makes the first administrator. */
  readonly role: 'api' | 'worker';
  readonly logger: Logger;
  /** Told of every call to a backend, for metrics. */
  readonly onOperation?: BackendObserver;
  /** Told when calls to a backend stop being sent, are tried, and are sent again. */
  readonly onCircuit?: (backend: string, state: CircuitState) => void;
  /** Absent: no traces. Closed with the deployment, as its last part. */
  readonly tracing?: Tracing | undefined;
  readonly clock?: Clock;
  readonly reach?: ReachPoint;
}

/** Whether the process can serve: each part by name. The API serves without the queue. Backends are no part of it: one that is down is an honest 503 of its own (invariant 8). */
export interface Readiness {
  readonly ready: boolean;
  readonly checks: Readonly<Record<string, boolean>>;
}

/** One process's whole of Spumoni, opened: what the API and the worker put their protocols around. Services act on configuration at most a second old. */
export interface Deployment {
  readonly settings: Settings;
  readonly logger: Logger;
  /** First argument of the functions of `#libs/objects`. */
  readonly engine: Engine;
  readonly controlPlane: ControlPlane;
  readonly backends: BackendService;
  readonly backups: BackupService;
  readonly tiers: TierService;
  readonly users: UserService;
  readonly migrations: MigrationService;
  readonly lifecycles: LifecycleService;
  readonly retiers: RetierService;
  readonly encryption: EncryptionService;
  readonly jobs: JobService;
  readonly limits: LimitsService;
  /** Keeps users and buckets within their requests and bytes a second. */
  readonly traffic: Traffic;
  /** Resumable ones. */
  readonly uploads: UploadService;
  readonly usage: UsageService;
  readonly events: EventService;
  /** Counts what this process serves; told of each request by the protocol layer, written behind. */
  readonly counters: UsageCounters;
  readonly takeovers: TakeoverService;
  readonly tracing?: Tracing | undefined;
  /** Keys of the administrator that this very process made just now, generated and to be shown once; absent on every other start, and where the settings gave them. */
  readonly firstAdministrator?: { readonly accessKey: string; readonly secretKey: Secret };
  /** Who has this key pair. Fails as `#libs/identity` says if nobody does, or they are disabled. */
  authenticate(accessKey: string, secret: string): Promise<Principal>;
  /** The same, before it returns, where the configuration is at hand and fresh; else undefined, whoever asks. */
  authenticateAtOnce(accessKey: string, secret: string): Principal | undefined;
  /** Who made this link for this place; undefined if it is not genuine. */
  makerOfLink(link: ParsedLink, place: LinkPlace): Promise<LinkMaker | undefined>;
  /** Asks every part now; answers within some seconds, and never throws. */
  readiness(): Promise<Readiness>;
  /** Closes everything, once. Calls under way should have ended. */
  close(): Promise<void>;
}
