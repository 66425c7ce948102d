import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { parsePostgresUrl } from '#libs/postgres-server';
import { objectionToRedisUrl } from './redis-url.js';

/** Marks a setting whose value must never be shown. */
const secret = { secret: true };
/** Marks a setting that only tests have a use for. */
const forTests = { forTests: true };

const MIB = 1024 * 1024;

function wholeNumber(byDefault: number, range: { from: number; to: number }, description: string) {
  const expected = `expected a whole number from ${range.from} to ${range.to}`;
  return z.coerce
    .number({ error: expected })
    .int(expected)
    .min(range.from, expected)
    .max(range.to, expected)
    .default(byDefault)
    .describe(description);
}

const port = (byDefault: number, description: string) => wholeNumber(byDefault, { from: 1, to: 65_535 }, description);

function seconds(byDefault: number, range: { from: number; to: number }, description: string) {
  const expected = `expected seconds, from ${range.from} to ${range.to}`;
  return z.coerce
    .number({ error: expected })
    .min(range.from, expected)
    .max(range.to, expected)
    .default(byDefault)
    .describe(description);
}

function share(byDefault: number, description: string) {
  const expected = 'expected a number from 0 to 1';
  return z.coerce
    .number({ error: expected })
    .min(0, expected)
    .max(1, expected)
    .default(byDefault)
    .describe(description);
}

const tracesEndpoint = z
  .string()
  .refine(isPlainUrl, {
    error: 'expected an http or https URL without a user or a query; a token goes into SPUMONI_TRACES_HEADERS',
  })
  .optional()
  .describe('Base URL of an OTLP/HTTP receiver, to whose `/v1/traces` traces are sent; if absent, there are none');

const tracesHeaders = z
  .string()
  .regex(/^[\w-]+=[\x21-\x2b\x2d-\x7e]+(,[\w-]+=[\x21-\x2b\x2d-\x7e]+)*$/, 'expected name=value[,name=value…]')
  .optional()
  .describe('Headers sent with traces, `name=value,name=value`, for a token')
  .meta(secret);

/** It is shown, so it holds nothing that must not be. */
function isPlainUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.username + url.password + url.search === '';
}

/** Why a text is no Postgres URL; the text itself may hold a password. */
function objectionToPostgresUrl(text: string): string | undefined {
  try {
    parsePostgresUrl(text);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : 'not a Postgres URL';
  }
}

const postgresUrl = z
  .string()
  .superRefine((text, context) => {
    const objection = objectionToPostgresUrl(text);
    if (objection !== undefined) context.addIssue({ code: 'custom', message: objection });
  })
  .optional()
  .describe(
    'A Postgres of yours, over TLS by its parameters sslmode and sslrootcert; if absent, one is started in the data directory',
  )
  .meta(secret);

const mongodbUrl = z
  .string()
  .regex(
    /^mongodb(\+srv)?:\/\/([^@/?#\s]+@)?[^@/?#\s,]+(,[^@/?#\s,]+)*(\/[^/?#\s."$\\]*)?(\?[^#\s]*)?$/,
    'expected mongodb://[user:password@]host[:port][,host[:port]…][/database][?options], the password percent-encoded',
  )
  .optional()
  .describe('A MongoDB replica set or sharded cluster for the object index; if absent, it is in the data directory')
  .meta(secret);

const redisUrl = z
  .string()
  .superRefine((text, context) => {
    const objection = objectionToRedisUrl(text);
    if (objection !== undefined) context.addIssue({ code: 'custom', message: objection });
  })
  .optional()
  .describe('A Redis for the queue of jobs (6.2 or later, nothing evicted); if absent, the queue lies in Postgres')
  .meta(secret);

/** An origin as browsers send it (RFC 6454): scheme, host, port. */
function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}

const corsOrigins = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((origin) => origin.trim())
      .filter((origin) => origin !== ''),
  )
  .refine((origins) => origins.every(isOrigin), {
    error: 'expected origins such as https://dashboard.example.com, separated by commas',
  })
  .describe('Origins whose pages may call the APIs from a browser, separated by commas; none by default');

function listOf(text: string): string[] {
  return text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
}

/** Whose SDKs may look for credentials in the surroundings of this process; the adapters of `libs/backends` know the same names. */
const AMBIENT = ['aws', 'azure', 'gcs'] as const;
type Ambient = (typeof AMBIENT)[number];

const ambientCredentials = z
  .string()
  .default('')
  .transform(listOf)
  .refine((names): names is Ambient[] => names.every((name) => AMBIENT.some((known) => known === name)), {
    error: `expected any of ${AMBIENT.join(', ')}, separated by commas`,
  })
  .describe(
    "Vendors for which a backend may use this machine's own identity (environment, profile, instance role), separated by commas; none by default",
  );

const tokenDirectories = z
  .string()
  .default('')
  .transform(listOf)
  .refine((paths) => paths.every((path) => isAbsolute(path)), {
    error: 'expected absolute paths of directories, separated by commas',
  })
  .describe('Directories with identity tokens that a backend may name a file of, separated by commas; none by default');

const identityEndpoints = z
  .string()
  .default('')
  .transform(listOf)
  .refine((origins) => origins.every(isOrigin), {
    error: 'expected origins such as https://sts.example.com, separated by commas',
  })
  .describe(
    "Origins beside the vendors' own that this machine's identity and identity tokens may be shown to, separated by commas; none by default",
  );

/** An unwrapped master key travels in the answer: never in the clear over a network. */
function isSafeEndpoint(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === 'https:' || (protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(hostname));
}

const crashAt = z
  .string()
  .regex(
    /^[a-z]+(-[a-z]+)*(:[1-9]\d{0,6})?(@(api|worker))?$/,
    'expected <point>[:<n>][@api|@worker], as committed:3@api',
  )
  .optional()
  .describe('For tests only: the process kills itself when it reaches this point of a write for the n-th time')
  .meta(forTests);

/** Every environment variable of every process, with its check, its default and what it is for. */
export const VARIABLES = {
  SPUMONI_DATA_DIR: z.string().default('./data').describe('Directory of everything Spumoni keeps; made on first start'),
  SPUMONI_HOST: z.string().default('127.0.0.1').describe('Address to listen on'),
  SPUMONI_API_PORT: port(8080, 'Port of the REST APIs and Swagger UI'),
  SPUMONI_S3_PORT: port(9000, 'Port of the S3 endpoint'),
  SPUMONI_WORKER_PORT: wholeNumber(0, { from: 0, to: 65_535 }, 'Port of the worker for health and metrics; 0: none'),
  SPUMONI_WORKER_HOST: z
    .string()
    .default('127.0.0.1')
    .describe('Address of that port; whoever reaches it reads the metrics'),
  SPUMONI_API_PROCESSES: wholeNumber(0, { from: 0, to: 256 }, 'API processes; 0 means one a core'),
  SPUMONI_ROOT_ACCESS_KEY: z
    .string()
    .regex(/^[\w.-]{3,128}$/, 'expected 3 to 128 letters, digits, "_", "." or "-"')
    .optional()
    .describe('Access key of the first administrator; made on the first start if absent'),
  SPUMONI_ROOT_SECRET_KEY: z
    .string()
    .min(8, 'expected at least 8 characters')
    .optional()
    .describe('Its secret key')
    .meta(secret),
  SPUMONI_MASTER_KEY_FILE: z
    .string()
    .optional()
    .describe(
      'File of the keys that seal credentials and objects, one a line; <data>/master.key if absent. Back it up apart from the data',
    ),
  SPUMONI_MASTER_KEY: z
    .string()
    .optional()
    .describe('The master keys themselves instead of a file: 32 bytes in base64 each, separated by commas')
    .meta(secret),
  SPUMONI_KMS_KEY: z
    .string()
    .optional()
    .describe('AWS KMS key (id, ARN or alias) that wraps the master keys; if absent, they are kept as they are'),
  SPUMONI_KMS_REGION: z.string().optional().describe('Its region, if the environment of the AWS SDK does not say it'),
  SPUMONI_KMS_ENDPOINT: z
    .string()
    .refine(isSafeEndpoint, { error: 'expected an https URL, or an http URL of this very machine' })
    .optional()
    .describe("Another service with AWS KMS's API"),
  SPUMONI_POSTGRES_URL: postgresUrl,
  SPUMONI_MONGODB_URL: mongodbUrl,
  SPUMONI_REDIS_URL: redisUrl,
  SPUMONI_LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('info')
    .describe('Least severe log line written'),
  SPUMONI_CORS_ORIGINS: corsOrigins,
  SPUMONI_JSON_LIMIT_BYTES: wholeNumber(MIB, { from: 1024, to: 64 * MIB }, 'Largest JSON body taken, in bytes'),
  SPUMONI_PARALLEL_UPLOADS: wholeNumber(
    512,
    { from: 1, to: 100_000 },
    'Uploads under way at once in each process; one more is a 503',
  ),
  SPUMONI_LINK_SECONDS: wholeNumber(
    604_800,
    { from: 0, to: 604_800 },
    'How long a presigned link may be good for, in seconds, up to seven days; 0: links open nothing',
  ),
  SPUMONI_UPLOAD_SECONDS: wholeNumber(
    86_400,
    { from: 1, to: 2_592_000 },
    'How long a resumable upload may take, in seconds; then it goes, with all that was stored of it',
  ),
  SPUMONI_UPLOAD_BYTES: wholeNumber(
    5 * 1024 ** 4,
    { from: 1, to: Number.MAX_SAFE_INTEGER },
    'How large a resumable upload may be, in bytes',
  ),
  SPUMONI_UPLOADS_PER_USER: wholeNumber(
    100,
    { from: 0, to: 100_000 },
    'How many resumable uploads of one user may be under way',
  ),
  SPUMONI_BACKEND_DEADLINE_SECONDS: seconds(
    30,
    { from: 0.1, to: 3600 },
    'How long a backend may take to answer, and to fall silent while bytes flow',
  ),
  SPUMONI_BACKEND_CONNECTIONS: wholeNumber(
    64,
    { from: 1, to: 4096 },
    'Calls under way at once to one backend, for each process',
  ),
  SPUMONI_AMBIENT_CREDENTIALS: ambientCredentials,
  SPUMONI_IDENTITY_TOKEN_DIRECTORIES: tokenDirectories,
  SPUMONI_IDENTITY_ENDPOINTS: identityEndpoints,
  SPUMONI_PATIENCE_SECONDS: seconds(
    20,
    { from: 0, to: 600 },
    'How long a write waits for another of the same key before it answers 503',
  ),
  SPUMONI_MARKER_SECONDS: seconds(
    30,
    { from: 0, to: 3600 },
    "For how long writes believe that a container is the bucket's, once they have seen its marker",
  ),
  SPUMONI_HEARTBEAT_SECONDS: seconds(5, { from: 0.05, to: 60 }, 'How often a write under way shows that it lives'),
  SPUMONI_DEAD_AFTER_SECONDS: seconds(
    30,
    { from: 0.2, to: 3600 },
    'How long a heartbeat stands still until its writer or worker is taken for dead; at least three heartbeats',
  ),
  SPUMONI_GARBAGE_GRACE_SECONDS: seconds(
    900,
    { from: 0, to: 604_800 },
    'How long replaced and deleted bytes stay for readers under way',
  ),
  SPUMONI_SWEEP_SECONDS: seconds(30, { from: 0.05, to: 3600 }, 'Pause between two rounds of the sweep'),
  SPUMONI_LIFECYCLE_EVERY_SECONDS: seconds(
    3600,
    { from: 1, to: 2_592_000 },
    'How often the lifecycle rules of a bucket run',
  ),
  SPUMONI_RECONCILE_EVERY_SECONDS: seconds(
    0,
    { from: 0, to: 31_536_000 },
    'How often the index of each bucket is compared with what its vendors list; 0 never does, unless asked',
  ),
  SPUMONI_MIGRATION_PARALLEL: wholeNumber(
    8,
    { from: 1, to: 256 },
    'Objects that a migration or a lifecycle run moves at once',
  ),
  SPUMONI_AUDIT_DAYS: wholeNumber(365, { from: 1, to: 36_500 }, 'How many days the records of the audit log are kept'),
  SPUMONI_USAGE_SECONDS: seconds(3600, { from: 1, to: 604_800 }, 'Pause between two counts of what all buckets hold'),
  SPUMONI_USAGE_DAYS: wholeNumber(400, { from: 31, to: 36_500 }, 'How many days of usage are kept'),
  SPUMONI_EVENT_DAYS: wholeNumber(
    7,
    { from: 1, to: 365 },
    'How many days events are kept, with deliveries that no webhook took',
  ),
  SPUMONI_WEBHOOK_PRIVATE: z
    .enum(['true', 'false'])
    .default('false')
    .describe('Whether webhooks may lead to addresses of private networks and of this machine'),
  SPUMONI_TRACES_ENDPOINT: tracesEndpoint,
  SPUMONI_TRACES_HEADERS: tracesHeaders,
  SPUMONI_TRACES_RATIO: share(
    1,
    'Share of the traces that begin here which is kept; one that comes in goes as its sender says',
  ),
  SPUMONI_TRACES_KEYS: z.enum(['true', 'false']).default('false').describe('Whether traces show the keys of objects'),
  SPUMONI_ENCRYPT_BUCKETS: z
    .enum(['true', 'false'])
    .default('false')
    .describe('Whether new buckets are encrypted where their creation does not say'),
  SPUMONI_CRASH_AT: crashAt,
};

/** All variables together, and what must hold between them. */
export const schema = z
  .object(VARIABLES)
  .superRefine((settings, context) => {
    const [access, key] = ['SPUMONI_ROOT_ACCESS_KEY', 'SPUMONI_ROOT_SECRET_KEY'] as const;
    if ((settings[access] === undefined) === (settings[key] === undefined)) return;
    const missing = settings[access] === undefined ? access : key;
    context.addIssue({ code: 'custom', path: [missing], message: 'is missing: give both root keys or neither' });
  })
  .superRefine((settings, context) => {
    // A living writer whose beat is late once must not be taken for dead.
    const least = 3 * settings.SPUMONI_HEARTBEAT_SECONDS;
    if (settings.SPUMONI_DEAD_AFTER_SECONDS >= least) return;
    const message = `expected at least three times SPUMONI_HEARTBEAT_SECONDS, so ${least} or more`;
    context.addIssue({ code: 'custom', path: ['SPUMONI_DEAD_AFTER_SECONDS'], message });
  });

/** The variables as they were read: checked, with defaults. */
export type Variables = z.output<typeof schema>;
