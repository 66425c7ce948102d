import { JobHeldError, openJobQueue, type JobQueue, type QueueConnection } from '#libs/jobs';
import {
  createLmdbIndex,
  createMongodbIndex,
  openControlPlane,
  type ControlPlane,
  type ObjectIndex,
  type PostgresConnection,
} from '#libs/metadata';
import type { Clock } from '#libs/objects';
import { parsePostgresUrl } from '#libs/postgres-server';
import type { KeyRing } from '#libs/secrets';
import type { Settings } from '#libs/settings';
import type { DeploymentOptions } from './deployment.js';
import { openMasterKeys } from './encryption/open-master-keys.js';
import { invalid } from './errors.js';
import { EventRecorder } from './events/event-recorder.js';
import { WebhookSecrets } from './events/webhook-secrets.js';
import { indexKindOf, settleIndexPlace } from './index-place.js';
import { OpenedParts } from './opened-parts.js';
import { makeDataDirectories, type DataPaths } from './runtime/directories.js';
import { systemClock } from './runtime/system-clock.js';
import { tracedIndex } from './tracing/traced-index.js';
import { UsageCounters } from './usage/usage-counters.js';
import { UsageRecorder } from './usage/usage-recorder.js';

/** What everything else is made of. */
export interface Parts {
  readonly settings: Settings;
  readonly options: DeploymentOptions;
  readonly clock: Clock;
  readonly postgres: PostgresConnection;
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

/** Opens the stores and what records into them; each is closed with `opened`, the last first. */
export async function openParts(settings: Settings, options: DeploymentOptions, opened: OpenedParts): Promise<Parts> {
  const { logger } = options;
  const onTrouble = (error: Error): void => logger.warn({ error }, 'a connection to Postgres was lost');
  const onQueueTrouble = (error: Error): void =>
    error instanceof JobHeldError
      ? logger.debug({ error }, 'a job will be brought again')
      : logger.warn({ error }, 'the queue lost a connection, or a job that failed will be brought again');
  const onTick = (error: unknown): void => logger.error({ error }, 'a periodic task failed');
  const clock = options.clock ?? systemClock(onTick);
  const { tracing } = options;
  if (tracing) opened.add('traces', tracing);
  const currentTrace = tracing && (() => tracing.active()?.traceparent);
  const connection = connectionOf(settings);
  const paths = await makeDataDirectories(settings);
  const controlPlane = opened.add(
    'control plane',
    await openControlPlane({ connection, clock, onTrouble, currentTrace }),
  );
  const masterKey = await openMasterKeys(settings, controlPlane);
  const opening = opened.add('index', await openIndex(settings, paths, controlPlane.deploymentId));
  const index = tracing ? tracedIndex(opening, tracing) : opening;
  await settleIndexPlace(controlPlane, indexKindOf(settings), index);
  const queue = opened.add(
    'queue',
    await openJobQueue({ connection: queueConnectionOf(settings, connection), onTrouble: onQueueTrouble }),
  );
  const counters = new UsageCounters();
  opened.add('usage', new UsageRecorder(counters, { controlPlane, clock, logger }));
  const recorder = opened.add('events', new EventRecorder({ controlPlane, index, clock, logger, currentTrace }));
  const webhookSecrets = new WebhookSecrets(masterKey);
  const made = { counters, recorder, webhookSecrets };
  return { settings, options, clock, postgres: connection, paths, masterKey, index, controlPlane, queue, ...made };
}
