import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Deployment } from 'kubernetes-models/apps/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { ConfigMap, Service } from 'kubernetes-models/v1';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { environmentFile } from './environment-file.js';

const REPOSITORY = resolve(import.meta.dirname, '../..');
const DIRECTORY = join(REPOSITORY, 'ops/kubernetes');

const labels = z.record(z.string(), z.string());
const anything = z.unknown();
/** The fields that are used, no others: the API's schemas let a misspelt one pass, and the API drops it. */
const probe = z.strictObject({
  httpGet: z.strictObject({ path: z.string(), port: z.string() }),
  ...{ periodSeconds: z.number(), timeoutSeconds: z.number(), failureThreshold: z.number() },
});
const container = z.strictObject({
  ...{ name: z.string(), image: z.string(), imagePullPolicy: z.string(), command: z.array(z.string()) },
  envFrom: z.array(z.strictObject({ configMapRef: z.strictObject({ name: z.string() }) })),
  ports: z.array(z.strictObject({ name: z.string(), containerPort: z.number() })),
  ...{ startupProbe: probe, readinessProbe: probe, livenessProbe: probe },
  lifecycle: z
    .strictObject({ preStop: z.strictObject({ exec: z.strictObject({ command: z.array(z.string()) }) }) })
    .optional(),
  resources: z.strictObject({ requests: labels, limits: labels }),
  securityContext: anything,
  volumeMounts: z.array(z.strictObject({ name: z.string(), mountPath: z.string(), readOnly: z.boolean().optional() })),
});
const secretVolume = z.strictObject({
  name: z.literal('secrets'),
  secret: z.strictObject({
    ...{ secretName: z.string(), defaultMode: z.number() },
    items: z.array(z.strictObject({ key: z.string(), path: z.string() })),
  }),
});
const pod = z.strictObject({
  ...{ automountServiceAccountToken: z.literal(false), enableServiceLinks: z.literal(false) },
  terminationGracePeriodSeconds: z.number().min(30),
  topologySpreadConstraints: anything,
  securityContext: anything,
  containers: z.tuple([container]),
  volumes: z.tuple([secretVolume, z.strictObject({ name: z.literal('tmp'), emptyDir: z.strictObject({}) })]),
});
const workload = z.strictObject({
  ...{ apiVersion: z.string(), kind: z.literal('Deployment') },
  metadata: z.strictObject({ name: z.string(), labels }),
  spec: z.strictObject({
    replicas: z.number(),
    selector: z.strictObject({ matchLabels: labels }),
    strategy: z.strictObject({
      type: z.literal('RollingUpdate'),
      rollingUpdate: z.strictObject({ maxUnavailable: z.number(), maxSurge: z.number() }),
    }),
    template: z.strictObject({ metadata: z.strictObject({ labels }), spec: pod }),
  }),
});

interface Manifest {
  readonly title: string;
  readonly kind: string;
  readonly content: unknown;
}

/** Every document of every file, as YAML 1.2 says it; Kubernetes reads 1.1, where an octal mode is written as it is here. */
function manifests(): Manifest[] {
  return readdirSync(DIRECTORY).flatMap((file) =>
    parseAllDocuments(readFileSync(join(DIRECTORY, file), 'utf8'), { version: '1.1', merge: true }).map((document) => {
      const content: unknown = document.toJS();
      const { kind, metadata } = z
        .object({ kind: z.string(), metadata: z.object({ name: z.string() }) })
        .parse(content);
      return { title: `${file}: ${kind} ${metadata.name}`, kind, content };
    }),
  );
}

/** The models of the Kubernetes API's own JSON schemas. */
const MODELS = { ConfigMap, Deployment, PodDisruptionBudget, Service } as const;
const all = manifests();
const deployments = all
  .filter(({ kind }) => kind === 'Deployment')
  .map(({ title, content }) => [title, workload.parse(content).spec] as const);

describe('the Kubernetes manifests', () => {
  it('are two deployments with a budget and a configuration each, and a service', () => {
    expect(all.map(({ title }) => title)).toEqual([
      ...['api.yaml: Deployment spumoni-api', 'api.yaml: PodDisruptionBudget spumoni-api', 'api.yaml: Service spumoni'],
      ...['configuration.yaml: ConfigMap spumoni-api', 'configuration.yaml: ConfigMap spumoni-worker'],
      ...['worker.yaml: Deployment spumoni-worker', 'worker.yaml: PodDisruptionBudget spumoni-worker'],
    ]);
  });

  it.each(all.map(({ title, kind, content }) => [title, kind, content] as const))(
    "%s is as the API's schema has it",
    (_, kind, content) => {
      const model = Object.entries(MODELS).find(([name]) => name === kind)?.[1];
      if (model === undefined) throw new Error(`no schema for ${kind}`);
      expect(() => new model(content as never).validate()).not.toThrow();
    },
  );

  it.each(deployments)(
    '%s: two pods that can gain no rights and write nowhere, asked by all three probes',
    (_, spec) => {
      expect(spec.replicas).toBe(2);
      expect(spec.template.metadata.labels).toEqual(spec.selector.matchLabels);
      const { securityContext, containers, volumes } = spec.template.spec;
      expect(securityContext).toEqual({
        ...{ runAsNonRoot: true, runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000 },
        seccompProfile: { type: 'RuntimeDefault' },
      });
      const [only] = containers;
      expect(only.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(volumes[0].secret).toMatchObject({ defaultMode: 0o440 });
      const [port] = only.ports;
      expect([only.startupProbe, only.readinessProbe, only.livenessProbe].map(({ httpGet }) => httpGet)).toEqual([
        { path: '/readyz', port: port?.name },
        { path: '/readyz', port: port?.name },
        { path: '/healthz', port: port?.name },
      ]);
    },
  );

  it.each(['api', 'worker'])(
    'tell the %s what the environment file of Docker tells it, and mount its secrets',
    (app) => {
      const map = all.find(({ title }) => title === `configuration.yaml: ConfigMap spumoni-${app}`)?.content;
      const { data } = z.object({ data: labels }).parse(map);
      expect(data).toEqual(environmentFile(join(REPOSITORY, `ops/compose/${app}.env`)));
      const runs = deployments.find(([title]) => title.endsWith(`spumoni-${app}`))?.[1].template.spec;
      expect(runs?.containers[0].envFrom).toEqual([{ configMapRef: { name: `spumoni-${app}` } }]);
      const files = Object.values(data).flatMap((value) => /^\/run\/secrets\/(\w+)$/.exec(value)?.[1] ?? []);
      expect(runs?.volumes[0].secret.items.map(({ key }) => key).toSorted()).toEqual(files.toSorted());
      const port = data['SPUMONI_API_PORT'] ?? data['SPUMONI_WORKER_PORT'];
      expect(runs?.containers[0].ports.map(({ containerPort }) => String(containerPort))).toEqual([port]);
    },
  );
});
