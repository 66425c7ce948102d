import type { Server } from 'node:http';
import type { Exchange } from '../http/exchange.js';

/** How long requests in flight may still take once the process is to stop. */
const DRAIN_MS = 15_000;

/** Knows the requests in flight, and lets them end before the process does. */
export class Shutdown {
  readonly #inFlight = new Set<Exchange>();
  readonly #stopping = new AbortController();
  #idle: (() => void) | undefined;

  /** Aborted when the process is to stop; what never ends by itself (event streams) must end then. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  get isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  begun(exchange: Exchange): void {
    this.#inFlight.add(exchange);
    if (this.isStopping) exchange.response.setHeader('Connection', 'close');
  }

  ended(exchange: Exchange): void {
    this.#inFlight.delete(exchange);
    if (this.#inFlight.size === 0) this.#idle?.();
  }

  /** Accepts no more connections, waits until the requests in flight have ended (at most 15 seconds), then closes what is left. */
  async drain(server: Server, limitMs = DRAIN_MS): Promise<void> {
    this.#stopping.abort();
    server.close();
    for (const { response } of this.#inFlight) if (!response.headersSent) response.setHeader('Connection', 'close');
    server.closeIdleConnections();
    await this.#untilIdle(limitMs);
    server.closeAllConnections();
  }

  #untilIdle(limitMs: number): Promise<void> {
    if (this.#inFlight.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, limitMs);
      this.#idle = (): void => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
