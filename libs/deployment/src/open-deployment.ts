import { Authenticator, ensureFirstAdministrator, ROOT_USER, type FirstAdministrator } from '#libs/identity';
import type { JobQueue } from '#libs/jobs';
import type { Engine } from '#libs/objects';
import type { KeyRing } from '#libs/secrets';
import type { Settings } from '#libs/settings';
import { ConfiguredBackends } from './backends/backend-directory.js';
import type { Deployment, DeploymentOptions } from './deployment.js';
import { engineOf, limitsOf, quotasOf } from './engine.js';
import type { EventRecorder } from './events/event-recorder.js';
import type { WebhookSecrets } from './events/webhook-secrets.js';
import { makeFirstThings } from './first-start.js';
import { currentIdentities } from './fresh-configuration.js';
import type { JobControl } from './jobs/job-control.js';
import type { StoredLifecycles } from './lifecycles/stored-lifecycles.js';
import { OpenedParts } from './opened-parts.js';
import { openParts, type Parts } from './parts.js';
import { inTime } from './runtime/in-time.js';
import { servicesOf } from './services.js';
import type { StoredUploads } from './uploads/stored-uploads.js';
import type { StoredTakeovers } from './takeovers/stored-takeovers.js';

/** A part that says nothing for so long is called away: longer than any of them needs to tell an outage. */
const READY_MS = 6_000;

/** A deployment with what its own worker needs beside the services. */
export interface OpenDeployment extends Deployment {
  readonly queue: JobQueue;
  readonly control: JobControl;
  readonly lifecycles: StoredLifecycles;
  readonly recorder: EventRecorder;
  readonly webhookSecrets: WebhookSecrets;
  readonly masterKey: KeyRing;
  readonly takeovers: StoredTakeovers;
  readonly uploads: StoredUploads;
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
    tracing: options.tracing,
    ...(shown ? { firstAdministrator: shown } : {}),
    authenticate: async (accessKey, secret) =>
      authenticator.authenticateBasic(
        configuration.currentOrUndefined() ?? (await configuration.current()),
        accessKey,
        secret,
      ),
    authenticateAtOnce: (accessKey, secret) => {
      const snapshot = configuration.currentOrUndefined();
      return snapshot && authenticator.authenticateBasic(snapshot, accessKey, secret);
    },
    makerOfLink: async (link, place) =>
      authenticator.makerOfLink(configuration.currentOrUndefined() ?? (await configuration.current()), link, place),
    readiness: async () => {
      const asked = (ping: Promise<boolean>): Promise<boolean> => inTime(engine.clock, READY_MS, ping);
      const pings = [controlPlane.ping(), index.ping(), queue.ping()] as const;
      const [plane, reads, carries] = await Promise.all([asked(pings[0]), asked(pings[1]), asked(pings[2])]);
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
