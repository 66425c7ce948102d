import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { describeSettings, readSettings, SettingsError } from '#libs/settings';

function failureOf(environment: Record<string, string>): string {
  try {
    readSettings(environment);
  } catch (error) {
    if (error instanceof SettingsError) return error.message;
    throw error;
  }
  throw new Error('the settings were taken');
}

describe('settings', () => {
  it('need nothing to be set, and take an empty variable for an absent one', () => {
    const settings = readSettings({ SPUMONI_API_PORT: '', SPUMONI_ROOT_SECRET_KEY: '' });
    expect(settings).toMatchObject({
      host: '127.0.0.1',
      apiPort: 8080,
      s3Port: 9000,
      apiProcesses: availableParallelism(),
      logLevel: 'info',
      corsOrigins: [],
      garbageGraceMs: 900_000,
      sweepMs: 30_000,
      deadAfterMs: 30_000,
      heartbeatMs: 5_000,
      patienceMs: 20_000,
      markerAgeMs: 30_000,
      lifecycleEveryMs: 3_600_000,
      reconcileEveryMs: 0,
      jsonLimitBytes: 1_048_576,
      migrationParallel: 8,
      rootKey: undefined,
      postgresUrl: undefined,
      mongodbUrl: undefined,
      redisUrl: undefined,
      workerPort: undefined,
      workerHost: '127.0.0.1',
    });
    expect(settings.masterKeyFile).toBe(`${settings.dataDirectory}/master.key`);
  });

  it('name every wrong variable with what was expected, and no value', () => {
    const message = failureOf({
      SPUMONI_API_PORT: 'eighty',
      SPUMONI_SWEEP_SECONDS: '-1',
      SPUMONI_LOG_LEVEL: 'loud',
      SPUMONI_POSTGRES_URL: 'mysql://me:topsecret@db/x',
      SPUMONI_MONGODB_URL: 'http://me:topsecret@db/x',
      SPUMONI_ROOT_SECRET_KEY: 'hush-hush-hush',
      SPUMONI_CORS_ORIGINS: 'https://a.example, b.example',
      SPUMONI_CRASH_AT: 'Committed!',
    });
    const names = ['API_PORT', 'SWEEP_SECONDS', 'LOG_LEVEL', 'POSTGRES_URL', 'MONGODB_URL', 'CORS_ORIGINS', 'CRASH_AT'];
    for (const name of names) expect(message).toContain(`SPUMONI_${name}: `);
    expect(message).toContain('expected a whole number from 1 to 65535');
    expect(message).not.toMatch(/topsecret|hush|eighty|loud/);
  });

  it.each([
    'mongodb://db',
    'mongodb://db:27017/',
    'mongodb://me:p%40ss@db-1:27017,db-2:27017,db-3:27017/spumoni?replicaSet=rs0&tls=true',
    'mongodb+srv://me:pass@cluster.example.com/spumoni',
  ])('take the MongoDB URL %s', (url) => {
    expect(readSettings({ SPUMONI_MONGODB_URL: url }).mongodbUrl?.reveal()).toBe(url);
  });

  it.each(['db:27017', 'http://db', 'mongodb://', 'mongodb://me:p@ss@db', 'mongodb://db/a/b', 'mongodb://db,/x'])(
    'refuse the MongoDB URL %s',
    (url) => {
      expect(failureOf({ SPUMONI_MONGODB_URL: url })).toContain('SPUMONI_MONGODB_URL: expected mongodb://');
    },
  );

  it('take where traces go, and refuse what would show a token or is no share', () => {
    const url = 'http://collector:4318';
    expect(readSettings({}).traces).toBeUndefined();
    const given = readSettings({ SPUMONI_TRACES_ENDPOINT: url, SPUMONI_TRACES_HEADERS: 'x-token=abc=,b=c' });
    expect(given.traces).toMatchObject({ endpoint: url, ratio: 1, showsKeys: false });
    expect(given.traces?.headers?.reveal()).toBe('x-token=abc=,b=c');
    expect(JSON.stringify(given)).not.toContain('abc=');
    for (const wrong of ['collector:4318', 'ftp://collector', 'http://me:topsecret@collector', `${url}?token=x`]) {
      const message = failureOf({ SPUMONI_TRACES_ENDPOINT: wrong });
      expect(message).toContain('SPUMONI_TRACES_ENDPOINT: expected an http or https URL');
      expect(message).not.toContain('topsecret');
    }
    expect(failureOf({ SPUMONI_TRACES_RATIO: '2' })).toContain('expected a number from 0 to 1');
    expect(failureOf({ SPUMONI_TRACES_HEADERS: 'token' })).toContain('expected name=value');
  });

  it('ask for both root keys or neither, and for a death that is longer than a heartbeat', () => {
    expect(failureOf({ SPUMONI_ROOT_ACCESS_KEY: 'root' })).toContain('SPUMONI_ROOT_SECRET_KEY: is missing');
    expect(failureOf({ SPUMONI_HEARTBEAT_SECONDS: '20' })).toContain(
      'SPUMONI_DEAD_AFTER_SECONDS: expected at least three times',
    );
  });

  it('show no secret, however they are printed', () => {
    const settings = readSettings({
      SPUMONI_ROOT_ACCESS_KEY: 'root',
      SPUMONI_ROOT_SECRET_KEY: 'hush-hush-hush',
      SPUMONI_POSTGRES_URL: 'postgresql://me:topsecret@db/x',
      SPUMONI_MONGODB_URL: 'mongodb://me:topsecret@db-1,db-2:27018/x?replicaSet=rs',
    });
    const shown = inspect(settings, { depth: 9 }) + JSON.stringify(settings);
    expect(shown).not.toMatch(/hush|topsecret/);
    expect(settings.rootKey?.secretKey.reveal()).toBe('hush-hush-hush');
    expect(settings.postgresUrl?.reveal()).toContain('topsecret');
    expect(settings.mongodbUrl?.reveal()).toContain('topsecret');
  });

  it('take a secret from the file that <NAME>_FILE names, but for the newline at its end', () => {
    const directory = mkdtempSync(join(tmpdir(), 'spumoni-settings-'));
    const write = (name: string, text: string): string => {
      writeFileSync(join(directory, name), text, { mode: 0o400 });
      return join(directory, name);
    };
    try {
      const given = {
        SPUMONI_ROOT_ACCESS_KEY: 'root',
        SPUMONI_ROOT_SECRET_KEY_FILE: write('root', 'hush-hush-hush\n'),
        SPUMONI_POSTGRES_URL_FILE: write('postgres', 'postgresql://me:topsecret@db/x'),
        SPUMONI_REDIS_URL_FILE: write('redis', 'rediss://:topsecret@queue:6380/1\r\n'),
      };
      const settings = readSettings(given);
      expect(settings.rootKey?.secretKey.reveal()).toBe('hush-hush-hush');
      expect(settings.postgresUrl?.reveal()).toBe('postgresql://me:topsecret@db/x');
      expect(settings.redisUrl?.reveal()).toBe('rediss://:topsecret@queue:6380/1');
      const child = readSettings(settings.childEnvironment());
      expect(child.redisUrl?.reveal()).toBe(settings.redisUrl?.reveal());
      expect(failureOf({ ...given, SPUMONI_REDIS_URL: 'redis://other' })).toContain(
        'SPUMONI_REDIS_URL_FILE: is given as well as SPUMONI_REDIS_URL',
      );
      expect(failureOf({ SPUMONI_REDIS_URL_FILE: write('empty', '\n') })).toMatch(/REDIS_URL_FILE: .* is empty/);
      expect(failureOf({ SPUMONI_REDIS_URL_FILE: join(directory, 'none') })).toMatch(
        /REDIS_URL_FILE: .*none cannot be read: ENOENT/,
      );
      expect(failureOf({ SPUMONI_REDIS_URL_FILE: write('wrong', 'hush-hush') })).not.toContain('hush');
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it.each([
    ['http://me:hush@queue', 'not a Redis URL'],
    ['queue:6379', 'not a Redis URL'],
    ['redis://:hush@', 'not a Redis URL'],
    ['redis://:hush@queue/jobs', 'the database of the Redis URL is no number'],
    ['redis://:hush@queue?family=6', 'the Redis URL has parameters'],
  ])('refuse %s as a Redis, without quoting it', (url, expected) => {
    const message = failureOf({ SPUMONI_REDIS_URL: url });
    expect(message).toContain(`SPUMONI_REDIS_URL: ${expected}`);
    expect(message).not.toContain('hush');
  });

  it('come to a child as they were checked, with what else the environment holds', () => {
    const parent = readSettings({ PATH: '/bin', SPUMONI_DATA_DIR: './d', SPUMONI_CORS_ORIGINS: 'https://a.example' });
    const environment = parent.childEnvironment();
    expect(environment).toMatchObject({
      PATH: '/bin',
      SPUMONI_DATA_DIR: parent.dataDirectory,
      SPUMONI_API_PORT: '8080',
    });
    expect(environment).not.toHaveProperty('SPUMONI_ROOT_SECRET_KEY');
    const child = readSettings(environment);
    expect({ ...child, childEnvironment: null }).toEqual({ ...parent, childEnvironment: null });
  });

  it('describe themselves for the reference: each with what it is for, secrets and those for tests marked', () => {
    const described = describeSettings();
    expect(described.filter(({ description }) => description === '')).toEqual([]);
    expect(described.find(({ name }) => name === 'SPUMONI_API_PORT')).toMatchObject({ default: '8080', secret: false });
    expect(described.filter(({ secret }) => secret).map(({ name }) => name)).toEqual([
      'SPUMONI_ROOT_SECRET_KEY',
      'SPUMONI_MASTER_KEY',
      'SPUMONI_POSTGRES_URL',
      'SPUMONI_MONGODB_URL',
      'SPUMONI_REDIS_URL',
      'SPUMONI_TRACES_HEADERS',
    ]);
    expect(described.filter(({ forTests }) => forTests).map(({ name }) => name)).toEqual(['SPUMONI_CRASH_AT']);
  });
});
