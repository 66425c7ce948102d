import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client';
import type { BackendObserver } from '#libs/backends';

/** What the worker measures, for Prometheus. */
export class WorkerMetrics {
  readonly registry = new Registry();
  readonly #calls = new Histogram({
    name: 'spumoni_backend_call_seconds',
    help: 'Calls to backends, each attempt, by how they ended',
    labelNames: ['backend', 'operation', 'outcome'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    registers: [this.registry],
  });
  readonly #bytes = new Counter({
    name: 'spumoni_backend_bytes_total',
    help: 'Bytes of content sent to and received from backends',
    labelNames: ['backend', 'operation'],
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  readonly observe: BackendObserver = ({ backend, operation, outcome, seconds, bytes }) => {
    this.#calls.observe({ backend, operation, outcome }, seconds);
    if (bytes > 0) this.#bytes.inc({ backend, operation }, bytes);
  };
}
