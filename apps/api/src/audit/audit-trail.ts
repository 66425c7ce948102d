import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Deployment } from '#libs/deployment';
import { isControlPlaneError, type AuditOutcome, type AuditRequest } from '#libs/metadata';
import type { Exchange } from '../http/exchange.js';
import { tell } from '../http/problem.js';
import { Metrics } from '../operations/metrics.js';
import { DEPLOYMENT } from '../tokens.js';
import { actionOf, detailsOf, requestFacts } from './audit-facts.js';
import { RefusalBuffer } from './refusal-buffer.js';

const FLUSH_MS = 1_000;
const UNSETTLED = 1_000;

/**
 * Writes the audit log of one process. A change is recorded before it is tried, and not tried if that fails; its outcome is recorded before it is answered, or as soon as Postgres is back.
 * Refusals (401, 403) are written behind, once a second, equal ones counted together: nobody can slow objects down by being refused. What finds no room is counted, in the log itself too.
 */
@Injectable()
export class AuditTrail implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #refusals = new RefusalBuffer();
  readonly #recorded = new WeakSet<Exchange>();
  readonly #unsettled = new Map<string, AuditOutcome>();
  #stop: (() => void) | undefined;
  #flushing: Promise<void> = Promise.resolve();

  constructor(
    @Inject(DEPLOYMENT) private readonly deployment: Deployment | undefined,
    private readonly metrics: Metrics,
  ) {}

  onApplicationBootstrap(): void {
    this.#stop = this.deployment?.engine.clock.every(FLUSH_MS, () => this.flush());
  }

  async onModuleDestroy(): Promise<void> {
    this.#stop?.();
    await this.flush();
  }

  /** Records that a change is to be tried; answers the id that `settle` takes. Fails with `ControlPlaneError`: then the change must not be tried. */
  async begin(exchange: Exchange, action: string): Promise<string> {
    const id = await this.#open.controlPlane.audit.begin(this.#facts(exchange, action));
    this.#recorded.add(exchange);
    return id;
  }

  /** Records that the change was made. Never fails: the change stands. */
  succeeded(id: string, exchange: Exchange, answer: unknown): Promise<void> {
    const status = exchange.response.statusCode;
    return this.#settle(id, { result: 'done', status, details: detailsOf(exchange.input, answer) });
  }

  /** Records that the change was refused, or failed. Never fails. */
  failed(id: string, exchange: Exchange, error: unknown): Promise<void> {
    const { status, code } = tell(error);
    const result = status >= 500 ? 'failed' : 'refused';
    return this.#settle(id, { result, status, code, details: detailsOf(exchange.input) });
  }

  async #settle(id: string, outcome: AuditOutcome): Promise<void> {
    try {
      await this.#open.controlPlane.audit.settle(id, outcome);
    } catch (error) {
      this.#open.logger.error({ audit: id, outcome, error }, 'the outcome of a change could not be recorded yet');
      if (isPassing(error) && this.#unsettled.size < UNSETTLED) this.#unsettled.set(id, outcome);
      else this.metrics.auditDropped(1);
    }
  }

  /** Takes note of a request that was answered by 401 or 403, unless it is recorded as a change. In memory alone. */
  refused(exchange: Exchange): void {
    if (this.deployment === undefined || this.#recorded.has(exchange)) return;
    const code = exchange.problemCode;
    const isIn = this.#refusals.add({
      ...this.#facts(exchange, actionOf(exchange)),
      result: 'refused',
      status: exchange.response.statusCode,
      ...(code === undefined ? {} : { code }),
    });
    if (!isIn) this.metrics.auditDropped(1);
  }

  /** Writes what waits, now. Never fails: what cannot be written waits on, within bounds. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#writeAll());
    return this.#flushing;
  }

  async #writeAll(): Promise<void> {
    if (this.deployment === undefined) return;
    const { controlPlane, logger, engine } = this.deployment;
    const { records, dropped } = this.#refusals.take();
    try {
      for (const [id, outcome] of this.#unsettled) await this.#settleAgain(id, outcome);
      const lost = { at: engine.clock.now(), actor: 'system', action: 'dropRefusals', resource: '/', count: dropped };
      await controlPlane.audit.append(dropped > 0 ? [...records, { ...lost, result: 'failed' }] : records);
    } catch (error) {
      logger.warn({ error, waiting: records.length }, 'the audit log cannot be written just now; it is tried again');
      const isIn = records.map((record) => isPassing(error) && this.#refusals.add(record));
      this.metrics.auditDropped(isIn.filter((kept) => !kept).length);
      this.#refusals.drop(dropped);
    }
  }

  /** Fails while the log cannot be reached. What no later try would change keeps nothing else waiting: `conflict` says that an earlier try was made, and its answer lost. */
  async #settleAgain(id: string, outcome: AuditOutcome): Promise<void> {
    try {
      await this.#open.controlPlane.audit.settle(id, outcome);
    } catch (error) {
      if (isPassing(error)) throw error;
      if (!isControlPlaneError(error, 'conflict')) this.metrics.auditDropped(1);
    }
    this.#unsettled.delete(id);
  }

  #facts(exchange: Exchange, action: string): AuditRequest {
    const { engine, controlPlane } = this.#open;
    const snapshot = controlPlane.configuration.currentOrUndefined();
    return requestFacts(exchange, action, { now: engine.clock.now(), snapshot });
  }

  get #open(): Deployment {
    if (this.deployment === undefined) throw new Error('an API that is only described serves no requests');
    return this.deployment;
  }
}

/** Whether it may go otherwise another time. */
function isPassing(error: unknown): boolean {
  return isControlPlaneError(error, 'unavailable');
}
