import type { Engine } from '#libs/objects';
import type { ConfiguredBackends } from './backends/backend-directory.js';
import type { CallLimits } from './backends/open-adapter.js';
import { dataKeysOf } from './encryption/data-keys.js';
import { CountedQuotas } from './limits/counted-quotas.js';
import type { Parts } from './parts.js';
import { reachOf } from './runtime/crash-at.js';
import { newWriteId, randomHex } from './runtime/ids.js';

/** How calls to backends are bounded and watched. */
export function limitsOf({ settings, options, clock, counters }: Parts): CallLimits {
  const { onOperation } = options;
  return {
    deadlineMs: settings.backendDeadlineMs,
    connections: settings.backendConnections,
    machine: {
      ambient: new Set(settings.identity.ambient),
      tokenDirectories: settings.identity.tokenDirectories,
      endpoints: new Set(settings.identity.endpoints),
    },
    observe: (observation) => {
      counters.call(observation);
      onOperation?.(observation);
    },
    clock,
    tracing: options.tracing,
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

/** What the domain works with; quotas come to it once it is there. */
export function engineOf(parts: Parts, backends: ConfiguredBackends): Engine {
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
      encryptBuckets: settings.encryptBuckets,
    },
  };
}

/** What users and buckets may still store. */
export function quotasOf({ controlPlane, options }: Parts, engine: Engine): CountedQuotas {
  return new CountedQuotas({
    engine,
    snapshot: () => controlPlane.configuration.currentOrUndefined(),
    freshSnapshot: () => controlPlane.configuration.current(),
    uploads: controlPlane.uploads,
    onTrouble: (error) => options.logger.warn({ error }, 'what counts against quotas could not be counted anew'),
  });
}
