import { UserService } from '#libs/identity';
import type { Engine } from '#libs/objects';
import type { ConfiguredBackends } from './backends/backend-directory.js';
import { StoredBackups } from './backups/stored-backups.js';
import { RegisteredBackends } from './backends/registered-backends.js';
import { StoredEncryption } from './encryption/stored-encryption.js';
import { limitsOf } from './engine.js';
import { StoredEvents } from './events/stored-events.js';
import { currentIdentities } from './fresh-configuration.js';
import { indexArchiveIn } from './index-archive.js';
import { carrierOf } from './jobs/job-carrier.js';
import { JobControl } from './jobs/job-control.js';
import { StoredJobs } from './jobs/stored-jobs.js';
import type { CountedQuotas } from './limits/counted-quotas.js';
import { StoredLimits } from './limits/stored-limits.js';
import { Traffic } from './limits/traffic.js';
import { StoredLifecycles } from './lifecycles/stored-lifecycles.js';
import { StoredMigrations } from './migrations/stored-migrations.js';
import type { Parts } from './parts.js';
import { StoredRetiers } from './retiers/stored-retiers.js';
import { StoredTakeovers } from './takeovers/stored-takeovers.js';
import { StoredTiers } from './tiers/stored-tiers.js';
import { StoredUploads } from './uploads/stored-uploads.js';
import { StoredUsage } from './usage/stored-usage.js';

/** All that a deployment offers beyond objects. */
export interface Services {
  readonly backends: RegisteredBackends;
  readonly backups: StoredBackups;
  readonly tiers: StoredTiers;
  readonly users: UserService;
  readonly migrations: StoredMigrations;
  readonly lifecycles: StoredLifecycles;
  readonly retiers: StoredRetiers;
  readonly encryption: StoredEncryption;
  readonly takeovers: StoredTakeovers;
  readonly jobs: StoredJobs;
  readonly uploads: StoredUploads;
  readonly usage: StoredUsage;
  readonly events: StoredEvents;
  readonly limits: StoredLimits;
  readonly traffic: Traffic;
  readonly control: JobControl;
}

/** Makes the services over the opened parts. */
export function servicesOf(
  parts: Parts,
  engine: Engine,
  { directory, quotas }: { readonly directory: ConfiguredBackends; readonly quotas: CountedQuotas },
): Services {
  const { settings, options, controlPlane, index, masterKey, clock } = parts;
  const queue = carrierOf(parts.queue, options.logger);
  const control = new JobControl({ controlPlane, engine, queue, recorder: parts.recorder });
  const jobs = new StoredJobs({ controlPlane, index, control, clock });
  return {
    backends: new RegisteredBackends({
      ...{ controlPlane, index, masterKey, clock },
      limits: limitsOf(parts),
      circuitOf: (id) => directory.circuitOf(id),
    }),
    backups: new StoredBackups(controlPlane, {
      connection: parts.postgres,
      openIndex: indexArchiveIn(settings),
      keys: { ids: masterKey.ids, find: (id) => masterKey.find(id), where: 'this process' },
      now: () => clock.now(),
    }),
    tiers: new StoredTiers(controlPlane),
    users: new UserService({ ...currentIdentities(controlPlane), masterKey }),
    migrations: new StoredMigrations({ controlPlane, engine, queue, jobs, control }),
    lifecycles: new StoredLifecycles({ controlPlane, engine, queue, everyMs: settings.lifecycleEveryMs }),
    retiers: new StoredRetiers({ controlPlane, engine, queue }),
    encryption: new StoredEncryption({ controlPlane, engine, queue, masterKey }),
    takeovers: new StoredTakeovers({ controlPlane, engine, queue, reconcileEveryMs: settings.reconcileEveryMs }),
    jobs,
    uploads: new StoredUploads({ controlPlane, engine, logger: options.logger, limits: settings.uploads }),
    usage: new StoredUsage({ controlPlane, engine }),
    events: new StoredEvents({
      controlPlane,
      clock,
      secrets: parts.webhookSecrets,
      allowPrivate: settings.webhookPrivate,
    }),
    limits: new StoredLimits({ controlPlane, engine, quotas }),
    traffic: new Traffic({
      snapshot: () => controlPlane.configuration.currentOrUndefined(),
      monotonic: () => clock.monotonic(),
      processes: settings.apiProcesses,
    }),
    control,
  };
}
