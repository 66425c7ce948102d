import { resolve } from 'node:path';
import { z } from 'zod';
import { parsePostgresUrl } from '#libs/postgres-server';

/** One or more settings are wrong; the message lists every one. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

const port = (byDefault: number) => z.coerce.number().int().min(1).max(65_535).default(byDefault);

/** The environment variables that the supervisor itself reads; its children check those of their own. */
export const settingsSchema = z
  .object({
    SPUMONI_DATA_DIR: z
      .string()
      .min(1)
      .default('./data')
      .describe('Directory of everything Spumoni keeps; made on first start'),
    SPUMONI_API_PORT: port(8080).describe('Port of the REST APIs and Swagger UI'),
    SPUMONI_S3_PORT: port(9000).describe('Port of the S3 endpoint'),
    SPUMONI_HOST: z.string().min(1).default('127.0.0.1').describe('Address to listen on'),
    SPUMONI_ROOT_ACCESS_KEY: z
      .string()
      .regex(/^[\w.-]{3,128}$/, 'expected 3 to 128 letters, digits, "_", "." or "-"')
      .optional()
      .describe('Access key of the administrator; made on the first start if absent'),
    SPUMONI_ROOT_SECRET_KEY: z.string().min(8, 'expected at least 8 characters').optional().describe('Its secret key'),
    SPUMONI_API_PROCESSES: z.coerce
      .number()
      .int()
      .min(1)
      .max(256)
      .default(1)
      .describe('API processes; up to one a core pays'),
    SPUMONI_LOG_LEVEL: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
      .default('info')
      .describe('Least severe log line written'),
    SPUMONI_POSTGRES_URL: z
      .string()
      .superRefine((text, context) => {
        try {
          parsePostgresUrl(text);
        } catch (error) {
          context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : 'not a Postgres URL' });
        }
      })
      .optional()
      .describe('A Postgres of yours; if absent, one is started in the data directory'),
  })
  .superRefine((settings, context) => {
    const [access, secret] = ['SPUMONI_ROOT_ACCESS_KEY', 'SPUMONI_ROOT_SECRET_KEY'] as const;
    if ((settings[access] === undefined) === (settings[secret] === undefined)) return;
    const missing = settings[access] === undefined ? access : secret;
    context.addIssue({ code: 'custom', path: [missing], message: 'is missing: give both root keys or neither' });
  });

/** The supervisor's settings, checked. */
export interface Settings {
  /** Absolute. */
  readonly dataDirectory: string;
  readonly apiProcesses: number;
  /** An outside Postgres; undefined means the embedded one. */
  readonly postgresUrl: string | undefined;
  /** What every child finds in its environment: ours, with the checked settings written out. */
  readonly childEnvironment: Readonly<Record<string, string>>;
}

/** An empty variable means an absent one, as shells and compose files write it. */
function present(environment: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) =>
      value === undefined || value === '' ? [] : [[name, value]],
    ),
  );
}

/** Reads the settings from environment variables; throws SettingsError with every wrong one, and quotes no value. */
export function readSettings(environment: NodeJS.ProcessEnv): Settings {
  const variables = present(environment);
  const result = settingsSchema.safeParse(variables);
  if (!result.success) {
    const lines = result.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`);
    throw new SettingsError(`These settings are wrong:\n${lines.join('\n')}`);
  }
  const settings = result.data;
  const dataDirectory = resolve(settings.SPUMONI_DATA_DIR);
  const checked: Record<string, string | number | undefined> = { ...settings, SPUMONI_DATA_DIR: dataDirectory };
  const written: Record<string, string> = {};
  for (const [name, value] of Object.entries(checked)) if (value !== undefined) written[name] = String(value);
  return {
    dataDirectory,
    apiProcesses: settings.SPUMONI_API_PROCESSES,
    postgresUrl: settings.SPUMONI_POSTGRES_URL,
    childEnvironment: { ...variables, ...written },
  };
}
