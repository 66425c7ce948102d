import { execFile } from 'node:child_process';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readMasterKeys } from '#libs/secrets';
import { describeSettings, readSettings, secretFileVariables } from '#libs/settings';
import { parse } from 'yaml';
import { z } from 'zod';
import { environmentFile } from './environment-file.js';

const REPOSITORY = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

const dependencies = z
  .record(z.string(), z.object({ condition: z.string(), restart: z.boolean().optional() }))
  .default({});
const service = z.looseObject({
  image: z.string(),
  user: z.string(),
  restart: z.string(),
  cap_drop: z.array(z.string()),
  security_opt: z.array(z.string()),
  environment: z.record(z.string(), z.string()).default({}),
  env_file: z.array(z.string()).default([]),
  secrets: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  ports: z.array(z.string()).default([]),
  depends_on: dependencies,
  healthcheck: z.union([
    z.strictObject({ disable: z.literal(true) }),
    z.strictObject({
      test: z.array(z.string()).min(2),
      interval: z.string(),
      timeout: z.string(),
      start_period: z.string(),
      retries: z.number(),
    }),
  ]),
});
const compose = z.looseObject({
  services: z.record(z.string(), service),
  secrets: z.record(z.string(), z.strictObject({ file: z.string() })),
  volumes: z.record(z.string(), z.null()),
});

const text = readFileSync(join(REPOSITORY, 'docker-compose.yml'), 'utf8');
const { services, secrets, volumes } = compose.parse(parse(text, { merge: true }));
const named = Object.entries(services);
const known = new Set([
  ...describeSettings()
    .filter(({ forTests }) => !forTests)
    .map(({ name }) => name),
  ...secretFileVariables().map(({ file }) => file),
]);

describe('docker-compose.yml', () => {
  it('has two of what serves and works, and the stores', () => {
    expect(named.map(([name]) => name).toSorted()).toEqual([
      ...['api-1', 'api-2', 'minio', 'minio-volume', 'mongodb-1', 'mongodb-2', 'mongodb-3', 'mongodb-replica-set'],
      ...['postgres', 'proxy', 'redis', 'worker-1', 'worker-2'],
    ]);
  });

  it.each(named)(
    '%s: has a health check if it stays, runs as nobody in particular, and can gain no rights',
    (_, one) => {
      const stays = one.restart !== 'no';
      expect('test' in one.healthcheck).toBe(stays);
      expect(one.user).toMatch(stays ? /^[1-9]\d*:[1-9]\d*$/ : /^\d+:\d+$/);
      expect(one.cap_drop).toEqual(['ALL']);
      expect(one.security_opt).toContain('no-new-privileges:true');
      expect(one).not.toHaveProperty('privileged');
      // A version, so that tomorrow's start is today's.
      expect(one.image).toMatch(/^(spumoni:latest|.+:(RELEASE\.)?\d.*)$/);
      for (const port of one.ports) expect(port).toMatch(/^127\.0\.0\.1:/);
    },
  );

  it.each(named)('%s: names only what there is: services, secrets, volumes, files', (_, one) => {
    for (const name of Object.keys(one.depends_on)) expect(services).toHaveProperty(name);
    for (const name of one.secrets) expect(secrets).toHaveProperty(name);
    for (const volume of one.volumes) {
      const [source = ''] = volume.split(':');
      if (source.startsWith('.')) expect(statSync(join(REPOSITORY, source)).isFile()).toBe(true);
      else expect(volumes).toHaveProperty([source]);
    }
    const used = JSON.stringify(one).matchAll(/\/run\/secrets\/(\w+)/g);
    const inFiles = one.env_file.flatMap((file) => Object.values(environmentFile(join(REPOSITORY, file))));
    const named = [...used, ...inFiles.flatMap((value) => [...value.matchAll(/\/run\/secrets\/(\w+)/g)])];
    for (const [, name = ''] of named) expect(one.secrets).toContain(name);
  });

  it.each(named)('%s: gets its secrets as files, never as variables', (_, one) => {
    const variables = [
      ...Object.keys(one.environment),
      ...one.env_file.flatMap((file) => Object.keys(environmentFile(join(REPOSITORY, file)))),
    ];
    for (const name of variables) expect(name).not.toMatch(/(PASSWORD|SECRET_KEY|_URL)$/);
  });

  it('sets no variable that Spumoni does not know, and lets each service be stopped in time', () => {
    for (const [name, one] of named) {
      const set = one.env_file.flatMap((file) => Object.keys(environmentFile(join(REPOSITORY, file))));
      const own = [...set, ...Object.keys(one.environment)].filter((variable) => variable.startsWith('SPUMONI_'));
      expect(own.filter((variable) => !known.has(variable))).toEqual([]);
      expect(own.length > 0).toBe(/^(api|worker)-/.test(name));
    }
  });

  it("has nginx divide requests among the API's processes, all of them", () => {
    const nginx = readFileSync(join(REPOSITORY, 'ops/nginx/nginx.conf'), 'utf8');
    const upstreams = [...nginx.matchAll(/^\s+server ([\w-]+):8080 /gm)].map(([, name]) => name);
    expect(upstreams).toEqual(Object.keys(services).filter((name) => name.startsWith('api-')));
    expect(Object.keys(services['proxy']?.depends_on ?? {})).toEqual(upstreams);
  });
});

describe('make-secrets.sh', () => {
  let directory = '';
  const make = () => run('sh', [join(REPOSITORY, 'ops/compose/make-secrets.sh'), directory]);
  const contents = () =>
    Object.fromEntries(readdirSync(directory).map((name) => [name, readFileSync(join(directory, name), 'utf8')]));
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'spumoni-secrets-'));
    await make();
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it('makes each secret that the compose file names, readable by one account alone', () => {
    const declared = Object.entries(secrets).map(([name, { file }]) => [name, file.replace('./secrets/', '')]);
    for (const [name, file] of declared) expect(file).toBe(name);
    expect(readdirSync(directory).toSorted()).toEqual(Object.keys(secrets).toSorted());
    for (const name of readdirSync(directory)) expect(statSync(join(directory, name)).mode & 0o777).toBe(0o400);
  });

  it('keeps what is there when it is run again', async () => {
    const before = contents();
    await make();
    expect(contents()).toEqual(before);
  });

  const asRoot = process.geteuid?.() === 0;
  (asRoot ? it : it.skip)(
    `gives each to the accounts that the services run as${asRoot ? '' : ' [skipped: needs root]'}`,
    () => {
      const readers = (name: string): Set<string> =>
        new Set(named.filter(([, one]) => one.secrets.includes(name)).map(([, { user }]) => user));
      for (const name of readdirSync(directory)) {
        const { uid, gid } = statSync(join(directory, name));
        const users = [...readers(name)];
        // A password stands in a URL too, for who connects.
        expect(users).toEqual([`${uid}:${gid}`]);
      }
    },
  );

  it.each(['api', 'worker'])('and ops/compose/%s.env are settings that Spumoni takes', async (app) => {
    const file = environmentFile(join(REPOSITORY, `ops/compose/${app}.env`));
    const environment = Object.fromEntries(
      Object.entries(file).map(([name, value]) => [name, value.replace('/run/secrets/', `${directory}/`)]),
    );
    const settings = readSettings(environment);
    expect(settings.postgresUrl?.reveal()).toMatch(/^postgresql:\/\/spumoni:[0-9a-f]{48}@postgres:5432\/spumoni$/);
    expect(settings.redisUrl?.reveal()).toMatch(/^redis:\/\/:[0-9a-f]{48}@redis:6379\/0$/);
    expect(settings.mongodbUrl?.reveal()).toContain('replicaSet=spumoni');
    expect(await readMasterKeys({ path: settings.masterKeyFile })).toHaveLength(1);
    expect(settings.rootKey !== undefined).toBe(app === 'api');
  });
});
