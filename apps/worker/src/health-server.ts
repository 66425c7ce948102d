import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Deployment } from '#libs/deployment';
import type { WorkerMetrics } from './metrics.js';

const json = { 'content-type': 'application/json' };

/** `/healthz` (the process turns), `/readyz` (its stores answer) and `/metrics`, where the settings say: on 127.0.0.1 by default. */
export class HealthServer {
  readonly #server: Server;

  constructor(
    private readonly deployment: Deployment,
    private readonly metrics: WorkerMetrics,
  ) {
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        deployment.logger.error({ error }, 'a health request failed');
        response.destroy();
      });
    });
  }

  /** Answers the port it listens on. Rejects if it is taken. */
  listen(port: number, host: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        const address = this.#server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : port);
      });
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end();
      return;
    }
    switch (request.url ?? '') {
      case '/healthz':
        response.writeHead(200, json).end(JSON.stringify({ status: 'ok' }));
        return;
      case '/readyz': {
        const readiness = await this.deployment.readiness();
        response.writeHead(readiness.ready ? 200 : 503, json).end(JSON.stringify(readiness));
        return;
      }
      case '/metrics': {
        const { registry } = this.metrics;
        response.writeHead(200, { 'content-type': registry.contentType }).end(await registry.metrics());
        return;
      }
      default:
        response.writeHead(404, json).end(JSON.stringify({ status: 'not found' }));
    }
  }
}
