import type { AddressInfo } from 'node:net';
import { openDeployment, type Deployment } from '#libs/deployment';
import type { Settings } from '#libs/settings';
import { createApp, serverOf } from '../create-app.js';
import { createLogger } from './log.js';
import { Metrics } from './metrics.js';
import { Shutdown } from './shutdown.js';

/** A listening API. */
export interface RunningApi {
  readonly url: string;
  readonly deployment: Deployment;
  /** Lets requests in flight end, then closes everything. */
  stop(drainMs?: number): Promise<void>;
}

/** Opens the deployment and listens. What was opened is closed again where that fails. */
export async function runApi(settings: Settings): Promise<RunningApi> {
  const logger = createLogger(settings.logLevel);
  const metrics = new Metrics();
  const deployment = await openDeployment(settings, {
    role: 'api',
    logger,
    onOperation: metrics.observeBackend,
    onCircuit: metrics.observeCircuit,
  });
  metrics.watchJobs(() => deployment.controlPlane.jobs.figures());
  try {
    const app = await createApp({ deployment, logger, metrics });
    await app.listen({ port: settings.apiPort, host: settings.host });
    const server = serverOf(app);
    const shutdown = app.get(Shutdown);
    return {
      url: urlOf(server.address(), settings),
      deployment,
      stop: async (drainMs) => {
        await shutdown.drain(server, drainMs);
        await app.close();
        await deployment.close();
      },
    };
  } catch (error) {
    await deployment.close();
    throw error;
  }
}

function urlOf(address: AddressInfo | string | null, settings: Settings): string {
  const port = typeof address === 'object' && address ? address.port : settings.apiPort;
  const host = settings.host.includes(':') ? `[${settings.host}]` : settings.host;
  return `http://${host}:${port}`;
}
