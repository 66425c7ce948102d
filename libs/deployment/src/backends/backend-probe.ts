import { isBackendError, type BackendCapabilities, type BackendDefinition } from '#libs/backends';
import type { BackendState } from '#libs/metadata';
import { DeploymentError, invalid } from '../errors.js';
import type { WishedBackend } from './backend-input.js';
import { portCredentials, withoutCredentials, type ClearCredentials } from './credentials.js';
import { openAdapter, type CallLimits, type OpenAdapter } from './open-adapter.js';

/** Begins the name of every container that a probe makes, uses and removes. */
export const PROBE_PREFIX = 'spumoni-probe';
/** A probe is a dozen calls in a row. */
const PROBE_DEADLINES = 6;

/** What a probe came to. The reason holds no credential. */
export type ProbeOutcome =
  | { readonly outcome: 'ok'; readonly capabilities: BackendCapabilities }
  | {
      readonly outcome: Exclude<BackendState, 'ok'>;
      readonly reason: string;
      readonly vendorCode?: string;
      readonly cause: unknown;
    };

/** What is to be probed: a definition with its credentials as clear text. */
export type Probed = Omit<WishedBackend, 'clear'> & { readonly clear: ClearCredentials };

async function open(probed: Probed, limits: CallLimits): Promise<OpenAdapter> {
  const { clear, ...definition } = probed;
  const whole: BackendDefinition = { ...definition, credentials: portCredentials(clear) };
  try {
    return await openAdapter(whole, limits);
  } catch (cause) {
    if (!isBackendError(cause)) throw cause;
    const message = withoutCredentials(cause.message, clear);
    throw invalid('invalid-backend', 'the backend cannot be registered so', [{ path: '', message }]);
  }
}

/** Opens the definition, tries it out and closes it again. Fails with `invalid-backend` where it cannot even be opened; anything the vendor says is an outcome. */
export async function probeBackend(requestId: string, probed: Probed, limits: CallLimits): Promise<ProbeOutcome> {
  const adapter = await open(probed, limits);
  try {
    const deadlineMs = limits.deadlineMs * PROBE_DEADLINES;
    return { outcome: 'ok', capabilities: await adapter.backend.probe({ requestId, deadlineMs }, PROBE_PREFIX) };
  } catch (cause) {
    if (!isBackendError(cause)) throw cause;
    return {
      outcome: cause.kind === 'denied' ? 'denied' : 'unreachable',
      reason: withoutCredentials(cause.message, probed.clear),
      ...(cause.vendorCode === undefined ? {} : { vendorCode: cause.vendorCode }),
      cause,
    };
  } finally {
    await adapter.closeWhenIdle(0);
  }
}

/** The same, for definitions that are kept only if they work: fails with `backend-check-failed` and the reason. */
export async function requireWorking(
  requestId: string,
  probed: Probed,
  limits: CallLimits,
): Promise<BackendCapabilities> {
  const probe = await probeBackend(requestId, probed, limits);
  if (probe.outcome === 'ok') return probe.capabilities;
  const { outcome, reason, vendorCode } = probe;
  throw new DeploymentError(
    'backend-check-failed',
    `backend ${probed.name} cannot be used, nothing was changed: ${reason}`,
    {
      facts: { state: outcome, ...(vendorCode === undefined ? {} : { vendorCode }) },
    },
  );
}
