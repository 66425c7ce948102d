import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { Secret } from '#libs/secrets';
import { SettingsError } from './errors.js';
import { schema, type Variables } from './schema.js';
import { readSecretFiles } from './secret-files.js';

/** The settings of a process, checked. Times are milliseconds, paths absolute, and what is secret cannot be printed. */
export interface Settings {
  readonly dataDirectory: string;
  /** True where nothing is kept in a data directory: the index is on MongoDB and no directory is named. Then none is made, there is no backend `local`, and the master key is in a file that is named. */
  readonly isStateless: boolean;
  readonly host: string;
  readonly apiPort: number;
  readonly s3Port: number;
  /** Health and metrics of the worker; undefined: none. */
  readonly workerPort: number | undefined;
  readonly workerHost: string;
  readonly apiProcesses: number;
  readonly rootKey: { readonly accessKey: string; readonly secretKey: Secret } | undefined;
  readonly masterKeyFile: string;
  /** The master keys themselves; there is no file then. */
  readonly masterKeys: Secret | undefined;
  readonly kms: { readonly keyId: string; readonly region?: string; readonly endpoint?: string } | undefined;
  /** An outside Postgres, or the one that the supervisor started; undefined in the supervisor means: start one. May hold a password. */
  readonly postgresUrl: Secret | undefined;
  /** MongoDB for the object index; undefined: LMDB in the data directory. May hold a password. */
  readonly mongodbUrl: Secret | undefined;
  /** Where the queue lies; undefined: in Postgres. May hold a password. */
  readonly redisUrl: Secret | undefined;
  readonly logLevel: Variables['SPUMONI_LOG_LEVEL'];
  readonly corsOrigins: readonly string[];
  readonly jsonLimitBytes: number;
  readonly parallelUploads: number;
  /** The longest life of a presigned link, in seconds; 0: none opens anything. */
  readonly linkSeconds: number;
  /** Of resumable uploads: how long one may take, how large it may be, how many a user may have under way. */
  readonly uploads: { readonly ageMs: number; readonly bytes: number; readonly perUser: number };
  readonly backendDeadlineMs: number;
  readonly backendConnections: number;
  /** What of this machine's own identity backends may use: by vendor, by directory of tokens, and beside the vendors' own, towards which origins. */
  readonly identity: {
    readonly ambient: Variables['SPUMONI_AMBIENT_CREDENTIALS'];
    readonly tokenDirectories: readonly string[];
    readonly endpoints: readonly string[];
  };
  readonly patienceMs: number;
  readonly markerAgeMs: number;
  readonly heartbeatMs: number;
  readonly deadAfterMs: number;
  readonly garbageGraceMs: number;
  readonly sweepMs: number;
  readonly lifecycleEveryMs: number;
  /** 0: never, unless asked. */
  readonly reconcileEveryMs: number;
  readonly migrationParallel: number;
  readonly auditDays: number;
  readonly usageMs: number;
  readonly usageDays: number;
  readonly eventDays: number;
  /** Webhooks may lead to private networks. */
  readonly webhookPrivate: boolean;
  /** Undefined: no traces. `headers` may hold a token. */
  readonly traces:
    | {
        readonly endpoint: string;
        readonly headers: Secret | undefined;
        readonly ratio: number;
        readonly showsKeys: boolean;
      }
    | undefined;
  /** New buckets are encrypted unless their creation says otherwise. */
  readonly encryptBuckets: boolean;
  /** `<point>[:<n>][@api|@worker]`; for tests only. */
  readonly crashAt: string | undefined;
  /** What every child finds in its environment: that of this process, with the checked settings written out. Holds secrets: to be given to a child, never kept or shown. */
  childEnvironment(): Record<string, string>;
}

/** An empty variable means an absent one, as shells and compose files write it. */
function present(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) =>
      value === undefined || value === '' ? [] : [[name, value]],
    ),
  );
}

const ms = (seconds: number): number => Math.round(seconds * 1000);

function hidden(text: string | undefined): Secret | undefined {
  return text === undefined ? undefined : new Secret(text);
}

function rootKeyOf(variables: Variables): Settings['rootKey'] {
  const { SPUMONI_ROOT_ACCESS_KEY: accessKey, SPUMONI_ROOT_SECRET_KEY: secretKey } = variables;
  if (accessKey === undefined || secretKey === undefined) return undefined;
  return { accessKey, secretKey: new Secret(secretKey) };
}

function kmsOf(variables: Variables): Settings['kms'] {
  const { SPUMONI_KMS_KEY: keyId, SPUMONI_KMS_REGION: region, SPUMONI_KMS_ENDPOINT: endpoint } = variables;
  if (keyId === undefined) return undefined;
  return { keyId, ...(region === undefined ? {} : { region }), ...(endpoint === undefined ? {} : { endpoint }) };
}

function tracesOf(variables: Variables): Settings['traces'] {
  const endpoint = variables.SPUMONI_TRACES_ENDPOINT;
  if (endpoint === undefined) return undefined;
  return {
    endpoint,
    headers: hidden(variables.SPUMONI_TRACES_HEADERS),
    ratio: variables.SPUMONI_TRACES_RATIO,
    showsKeys: variables.SPUMONI_TRACES_KEYS === 'true',
  };
}

/** The settings as variables again. Those that were absent stay absent. */
function writtenOut(variables: Variables, dataDirectory: string): Record<string, string> {
  const written: Record<string, string> = {};
  for (const [name, value] of Object.entries(variables)) {
    const text = Array.isArray(value) ? value.join(',') : String(value);
    if (value !== undefined && text !== '') written[name] = text;
  }
  return { ...written, SPUMONI_DATA_DIR: dataDirectory };
}

function timesOf(variables: Variables) {
  return {
    backendDeadlineMs: ms(variables.SPUMONI_BACKEND_DEADLINE_SECONDS),
    patienceMs: ms(variables.SPUMONI_PATIENCE_SECONDS),
    markerAgeMs: ms(variables.SPUMONI_MARKER_SECONDS),
    heartbeatMs: ms(variables.SPUMONI_HEARTBEAT_SECONDS),
    deadAfterMs: ms(variables.SPUMONI_DEAD_AFTER_SECONDS),
    garbageGraceMs: ms(variables.SPUMONI_GARBAGE_GRACE_SECONDS),
    sweepMs: ms(variables.SPUMONI_SWEEP_SECONDS),
    lifecycleEveryMs: ms(variables.SPUMONI_LIFECYCLE_EVERY_SECONDS),
    reconcileEveryMs: ms(variables.SPUMONI_RECONCILE_EVERY_SECONDS),
    usageMs: ms(variables.SPUMONI_USAGE_SECONDS),
  };
}

/**
 * Reads the settings from environment variables, and secrets from the files that `<NAME>_FILE` names; throws SettingsError with every wrong one, what was expected of it,
 * and no value.
 */
export function readSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  const { environment: given, problems } = readSecretFiles(present(environment));
  const result = schema.safeParse(given);
  if (!result.success || problems.length > 0) {
    const issues = result.error?.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`) ?? [];
    throw new SettingsError(`These settings are wrong:\n  ${[...problems, ...issues].join('\n  ')}`);
  }
  const variables = result.data;
  const dataDirectory = resolve(variables.SPUMONI_DATA_DIR);
  return {
    dataDirectory,
    isStateless: variables.SPUMONI_MONGODB_URL !== undefined && given['SPUMONI_DATA_DIR'] === undefined,
    host: variables.SPUMONI_HOST,
    apiPort: variables.SPUMONI_API_PORT,
    s3Port: variables.SPUMONI_S3_PORT,
    workerPort: variables.SPUMONI_WORKER_PORT === 0 ? undefined : variables.SPUMONI_WORKER_PORT,
    workerHost: variables.SPUMONI_WORKER_HOST,
    apiProcesses: variables.SPUMONI_API_PROCESSES || availableParallelism(),
    rootKey: rootKeyOf(variables),
    masterKeyFile: resolve(variables.SPUMONI_MASTER_KEY_FILE ?? join(dataDirectory, 'master.key')),
    masterKeys: hidden(variables.SPUMONI_MASTER_KEY),
    kms: kmsOf(variables),
    postgresUrl: hidden(variables.SPUMONI_POSTGRES_URL),
    mongodbUrl: hidden(variables.SPUMONI_MONGODB_URL),
    redisUrl: hidden(variables.SPUMONI_REDIS_URL),
    logLevel: variables.SPUMONI_LOG_LEVEL,
    corsOrigins: variables.SPUMONI_CORS_ORIGINS,
    jsonLimitBytes: variables.SPUMONI_JSON_LIMIT_BYTES,
    parallelUploads: variables.SPUMONI_PARALLEL_UPLOADS,
    uploads: {
      ageMs: ms(variables.SPUMONI_UPLOAD_SECONDS),
      bytes: variables.SPUMONI_UPLOAD_BYTES,
      perUser: variables.SPUMONI_UPLOADS_PER_USER,
    },
    linkSeconds: variables.SPUMONI_LINK_SECONDS,
    backendConnections: variables.SPUMONI_BACKEND_CONNECTIONS,
    identity: {
      ambient: variables.SPUMONI_AMBIENT_CREDENTIALS,
      tokenDirectories: variables.SPUMONI_IDENTITY_TOKEN_DIRECTORIES.map((path) => resolve(path)),
      endpoints: variables.SPUMONI_IDENTITY_ENDPOINTS,
    },
    migrationParallel: variables.SPUMONI_MIGRATION_PARALLEL,
    auditDays: variables.SPUMONI_AUDIT_DAYS,
    usageDays: variables.SPUMONI_USAGE_DAYS,
    eventDays: variables.SPUMONI_EVENT_DAYS,
    webhookPrivate: variables.SPUMONI_WEBHOOK_PRIVATE === 'true',
    traces: tracesOf(variables),
    encryptBuckets: variables.SPUMONI_ENCRYPT_BUCKETS === 'true',
    crashAt: variables.SPUMONI_CRASH_AT,
    ...timesOf(variables),
    childEnvironment: () => ({ ...given, ...writtenOut(variables, dataDirectory) }),
  };
}
