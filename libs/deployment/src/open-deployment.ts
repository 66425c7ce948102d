import {
  Authenticator,
  ensureFirstAdministrator,
  ROOT_USER,
  UserService,
  type FirstAdministrator,
} from '#libs/identity';
import { openJobQueue, type JobQueue, type QueueConnection } from '#libs/jobs';
import {
  createLmdbIndex,
  createMongodbIndex,
  openControlPlane,
  type ControlPlane,
  type ObjectIndex,
} from '#libs/metadata';
import type { Clock, Engine } from '#libs/objects';
import { parsePostgresUrl } from '#libs/postgres-server';
import type { KeyRing } from '#libs/secrets';
import type { Settings } from '#libs/settings';
import { ConfiguredBackends } from './backends/backend-directory.js';
import type { CallLimits } from './backends/open-adapter.js';
import { RegisteredBackends } from './backends/registered-backends.js';
import type { Deployment, DeploymentOptions } from './deployment.js';
import { dataKeysOf } from './encryption/data-keys.js';
import { StoredEncryption } from './encryption/stored-encryption.js';
import { openMasterKeys } from './encryption/open-master-keys.js';
import { invalid } from './errors.js';
import { makeFirstThings } from './first-start.js';
import { currentIdentities } from './fresh-configuration.js';
import { carrierOf } from './jobs/job-carrier.js';
import { EventRecorder } from './events/event-recorder.js';
import { StoredEvents } from './events/stored-events.js';
import { WebhookSecrets } from './events/webhook-secrets.js';
import { JobControl } from './jobs/job-control.js';
import { StoredJobs } from './jobs/stored-jobs.js';
import { CountedQuotas } from './limits/counted-quotas.js';
import { StoredLimits } from './limits/stored-limits.js';
import { Traffic } from './limits/traffic.js';
import { StoredLifecycles } from './lifecycles/stored-lifecycles.js';
import { StoredMigrations } from './migrations/stored-migrations.js';
import { OpenedParts } from './opened-parts.js';
import { reachOf } from './runtime/crash-at.js';
import { makeDataDirectories, type DataPaths } from './runtime/directories.js';
import { newWriteId, randomHex } from './runtime/ids.js';
import { systemClock } from './runtime/system-clock.js';
import { StoredUsage } from './usage/stored-usage.js';
import { UsageCounters } from './usage/usage-counters.js';
import { UsageRecorder } from './usage/usage-recorder.js';
import { StoredTakeovers } from './takeovers/stored-takeovers.js';
import { StoredTiers } from './tiers/stored-tiers.js';

/** A deployment with what its own worker needs beside the services. */
export interface OpenDeployment extends Deployment {
  readonly queue: JobQueue;
  readonly control: JobControl;
  readonly lifecycles: StoredLifecycles;
  readonly recorder: EventRecorder;
  readonly webhookSecrets: WebhookSecrets;
  readonly masterKey: KeyRing;
  readonly takeovers: StoredTakeovers;
}

/** What everything else is made of. */
interface Parts {
  readonly settings: Settings;
  readonly options: DeploymentOptions;
  readonly clock: Clock;
  /** Absent in a stateless process. */
  readonly paths: DataPaths | undefined;
  readonly masterKey: KeyRing;
  readonly index: ObjectIndex;
  readonly controlPlane: ControlPlane;
  readonly queue: JobQueue;
  readonly counters: UsageCounters;
  readonly recorder: EventRecorder;
  readonly webhookSecrets: WebhookSecrets;
}

function connectionOf(settings: Settings): ReturnType<typeof parsePostgresUrl> {
  if (settings.postgresUrl !== undefined) return parsePostgresUrl(settings.postgresUrl.reveal());
  const message = 'is missing: start through the supervisor (npm start), or name a Postgres of yours';
  throw invalid('invalid-setting', 'these settings are wrong', [{ path: 'SPUMONI_POSTGRES_URL', message }]);
}

/** The index is in the data directory, unless a MongoDB is named. */
async function openIndex(
  { mongodbUrl }: Settings,
  paths: DataPaths | undefined,
  deployment: string,
): Promise<ObjectIndex> {
  if (mongodbUrl !== undefined) return createMongodbIndex({ url: mongodbUrl.reveal(), deployment });
  if (paths === undefined) throw new Error('a process without a data directory has its index on MongoDB');
  return createLmdbIndex({ path: paths.index });
}

/** On Redis if there is one, else beside the control plane. */
function queueConnectionOf({ redisUrl }: Settings, postgres: ReturnType<typeof parsePostgresUrl>): QueueConnection {
  return redisUrl === undefined ? { kind: 'postgres', postgres } : { kind: 'redis', redis: { url: redisUrl.reveal() } };
}

async function openParts(settings: Settings, options: DeploymentOptions, opened: OpenedParts): Promise<Parts> {
  const { logger } = options;
  const onTrouble = (error: Error): void => logger.warn({ error }, 'a connection to Postgres was lost');
  const onQueueTrouble = (error: Error): void =>
    error.name === 'JobHeldError'
      ? logger.debug({ error }, 'a job will be brought again')
      : logger.warn({ error }, 'the queue lost a connection, or a job that failed will be brought again');
  const onTick = (error: unknown): void => logger.error({ error }, 'a periodic task failed');
  const clock = options.clock ?? systemClock(onTick);
  const connection = connectionOf(settings);
  const paths = await makeDataDirectories(settings);
  const controlPlane = opened.add('control plane', await openControlPlane({ connection, clock, onTrouble }));
  const masterKey = await openMasterKeys(settings, controlPlane);
  const index = opened.add('index', await openIndex(settings, paths, controlPlane.deploymentId));
  const queue = opened.add(
    'queue',
    await openJobQueue({ connection: queueConnectionOf(settings, connection), onTrouble: onQueueTrouble }),
  );
  const counters = new UsageCounters();
  opened.add('usage', new UsageRecorder(counters, { controlPlane, clock, logger }));
  const recorder = opened.add('events', new EventRecorder({ controlPlane, index, clock, logger }));
  const webhookSecrets = new WebhookSecrets(masterKey);
  const made = { counters, recorder, webhookSecrets };
  return { settings, options, clock, paths, masterKey, index, controlPlane, queue, ...made };
}

function limitsOf({ settings, options, clock, counters }: Parts): CallLimits {
  const { onOperation } = options;
  return {
    deadlineMs: settings.backendDeadlineMs,
    connections: settings.backendConnections,
    observe: (observation) => {
      counters.call(observation);
      onOperation?.(observation);
    },
    clock,
    onCircuit: (backend, state) => {
      options.onCircuit?.(backend, state);
      options.logger.warn({ backend, state }, CIRCUIT_WORDS[state]);
    },
  };
}

const CIRCUIT_WORDS = {
  open: 'a backend fails: nothing is sent there for a while',
  'half-open': 'a backend that failed is tried again',
  closed: 'a backend that failed answers again',
} as const;

function engineOf(parts: Parts, backends: ConfiguredBackends): Engine {
  const { settings, options, clock, index, controlPlane, masterKey } = parts;
  const { configuration, deploymentId } = controlPlane;
  return {
    index,
    backends,
    catalog: backends,
    buckets: controlPlane.buckets,
    policies: async () => (configuration.currentOrUndefined() ?? (await configuration.current())).tiers,
    dataKeys: dataKeysOf(masterKey),
    clock,
    newWriteId: () => newWriteId(clock.now()),
    randomHex,
    observer: parts.recorder,
    reach: options.reach ?? reachOf(settings.crashAt, options.role, settings.dataDirectory),
    settings: {
      graceMs: settings.garbageGraceMs,
      heartbeatMs: settings.heartbeatMs,
      deadAfterMs: settings.deadAfterMs,
      patienceMs: settings.patienceMs,
      markerAgeMs: settings.markerAgeMs,
      deploymentId,
    },
  };
}

type Services = Pick<
  OpenDeployment,
  | 'limits'
  | 'traffic'
  | 'backends'
  | 'tiers'
  | 'users'
  | 'migrations'
  | 'lifecycles'
  | 'encryption'
  | 'jobs'
  | 'control'
  | 'takeovers'
  | 'usage'
  | 'events'
>;

function quotasOf({ controlPlane, options }: Parts, engine: Engine): CountedQuotas {
  return new CountedQuotas({
    engine,
    snapshot: () => controlPlane.configuration.currentOrUndefined(),
    freshSnapshot: () => controlPlane.configuration.current(),
    onTrouble: (error) => options.logger.warn({ error }, 'what counts against quotas could not be counted anew'),
  });
}

function servicesOf(
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
    tiers: new StoredTiers(controlPlane),
    users: new UserService({ ...currentIdentities(controlPlane), masterKey }),
    migrations: new StoredMigrations({ controlPlane, engine, queue, jobs, control }),
    lifecycles: new StoredLifecycles({ controlPlane, engine, queue, everyMs: settings.lifecycleEveryMs }),
    encryption: new StoredEncryption({ controlPlane, index, queue, masterKey }),
    takeovers: new StoredTakeovers({ controlPlane, engine, queue, reconcileEveryMs: settings.reconcileEveryMs }),
    jobs,
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

async function makeAdministrator({ settings, controlPlane, masterKey, clock }: Parts): Promise<FirstAdministrator> {
  const { rootKey } = settings;
  const first = await ensureFirstAdministrator({
    ...currentIdentities(controlPlane),
    masterKey,
    ...(rootKey ? { rootKey: { accessKey: rootKey.accessKey, secretKey: rootKey.secretKey.reveal() } } : {}),
  });
  if (first.outcome !== 'present') {
    const details = { name: ROOT_USER, outcome: first.outcome };
    const event = { action: 'makeFirstAdministrator', resource: `/admin/v1/users/${ROOT_USER}`, details };
    await controlPlane.audit.append([{ at: clock.now(), actor: 'system', ...event, result: 'done' }]);
  }
  return first;
}

async function assemble(settings: Settings, options: DeploymentOptions, opened: OpenedParts): Promise<OpenDeployment> {
  const parts = await openParts(settings, options, opened);
  const { controlPlane, masterKey, index, queue } = parts;
  const { configuration } = controlPlane;
  const directory = new ConfiguredBackends({
    configuration,
    masterKey,
    limits: limitsOf(parts),
    logger: options.logger,
  });
  opened.add('backends', directory);
  const unlimited = engineOf(parts, directory);
  const quotas = quotasOf(parts, unlimited);
  const engine: Engine = { ...unlimited, quotas };
  const services = servicesOf(parts, engine, { directory, quotas });
  await makeFirstThings(controlPlane, services.backends, parts.paths?.objects);
  const first = options.role === 'api' ? await makeAdministrator(parts) : undefined;
  const shown =
    first?.outcome === 'created' && first.secret
      ? { accessKey: first.accessKeyId, secretKey: first.secret }
      : undefined;
  const authenticator = new Authenticator(masterKey);
  return {
    settings,
    logger: options.logger,
    engine,
    controlPlane,
    queue,
    counters: parts.counters,
    recorder: parts.recorder,
    webhookSecrets: parts.webhookSecrets,
    ...services,
    masterKey,
    ...(shown ? { firstAdministrator: shown } : {}),
    authenticate: async (accessKey, secret) =>
      authenticator.authenticateBasic(
        configuration.currentOrUndefined() ?? (await configuration.current()),
        accessKey,
        secret,
      ),
    readiness: async () => {
      const [plane, reads, carries] = await Promise.all([controlPlane.ping(), index.ping(), queue.ping()]);
      // Without the queue a worker has nothing to do, while the API does all it does: jobs it makes wait in the control plane.
      const seals = masterKey.hasCurrent;
      const needed = plane && reads && seals && (carries || options.role === 'api');
      return { ready: needed, checks: { controlPlane: plane, index: reads, queue: carries, masterKey: seals } };
    },
    close: () => opened.close(),
  };
}

/**
 * Opens all of Spumoni for one process: control plane (migrated), object index, master key, queue, services; and, once in a deployment's life, makes the default tier policies,
 * the backend `local` at `<data>/objects`, and (role `api`) the first administrator. Backends are opened when they are first needed, so it opens with every one of them down (A1.8).
 * Fails with `ControlPlaneError`, `IndexError`, `MasterKeyError`, `IdentityError` (the root key) or `DeploymentError` `invalid-setting`; what was opened by then is closed again.
 */
export async function openDeployment(settings: Settings, options: DeploymentOptions): Promise<OpenDeployment> {
  const opened = new OpenedParts((part, error) => options.logger.warn({ part, error }, 'a part could not be closed'));
  try {
    return await assemble(settings, options, opened);
  } catch (error) {
    await opened.close();
    throw error;
  }
}
