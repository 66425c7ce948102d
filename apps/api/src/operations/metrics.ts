import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import type { BackendObserver, CircuitState } from '#libs/backends';
import type { Exchange } from '../http/exchange.js';
import { Durations } from './durations.js';
import { JobMetrics, type ReadJobFigures } from './job-metrics.js';

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

const CIRCUIT_VALUES: Readonly<Record<CircuitState, number>> = { closed: 0, 'half-open': 1, open: 2 };

interface Moved {
  readonly labels: { readonly backend: string; readonly operation: string };
  bytes: number;
}

/** The figures of one process, for Prometheus. Labels are names of operations and backends, never keys: their number stays bounded. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests = new Durations({
    name: 'spumoni_http_request_seconds',
    help: 'Time from the head of a request to the end of its answer',
    labelNames: ['operation', 'status'],
    bounds: SECONDS,
  });
  #underWay = 0;
  readonly #calls = new Durations({
    name: 'spumoni_backend_call_seconds',
    help: 'Time that backends take',
    labelNames: ['backend', 'operation', 'outcome'],
    bounds: SECONDS,
  });
  /** Bytes since the last look, by backend and operation: told to prom-client then, as each telling costs. */
  readonly #moved = new Map<string, Moved>();

  readonly #auditDropped = new Counter({
    name: 'spumoni_audit_dropped_total',
    help: 'Requests that the audit log had no room for',
    registers: [this.#registry],
  });

  readonly #circuits = new Gauge({
    name: 'spumoni_backend_circuit',
    help: 'Whether calls are sent to a backend: 0 they are (closed), 1 one tries (half-open), 2 none is (open)',
    labelNames: ['backend'],
    registers: [this.#registry],
  });
  readonly #opened = new Counter({
    name: 'spumoni_backend_circuit_opened_total',
    help: 'How often a backend failed so that nothing was sent there for a while',
    labelNames: ['backend'],
    registers: [this.#registry],
  });

  readonly #jobs = new JobMetrics(this.#registry);
  #readJobs: ReadJobFigures | undefined;

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
    const inFlight: Gauge = new Gauge({
      name: 'spumoni_http_requests_in_flight',
      help: 'Requests being served now',
      registers: [this.#registry],
      collect: () => inFlight.set(this.#underWay),
    });
    const bytes: Counter<'backend' | 'operation'> = new Counter({
      name: 'spumoni_backend_bytes_total',
      help: 'Bytes of content that went to and from backends',
      labelNames: ['backend', 'operation'],
      registers: [this.#registry],
      collect: () => {
        for (const moved of this.#moved.values()) bytes.inc(moved.labels, moved.bytes);
        this.#moved.clear();
      },
    });
  }

  /** Given to the deployment. */
  readonly observeBackend: BackendObserver = ({ backend, operation, outcome, seconds, bytes }) => {
    this.#calls.observe(seconds, [backend, operation, outcome]);
    if (bytes > 0) this.#count(backend, operation, bytes);
  };

  #count(backend: string, operation: string, bytes: number): void {
    const key = `${backend}\0${operation}`;
    const moved = this.#moved.get(key);
    if (moved) moved.bytes += bytes;
    else this.#moved.set(key, { labels: { backend, operation }, bytes });
  }

  /** Given to the deployment. */
  readonly observeCircuit = (backend: string, state: CircuitState): void => {
    this.#circuits.set({ backend }, CIRCUIT_VALUES[state]);
    if (state === 'open') this.#opened.inc({ backend });
  };

  auditDropped(count: number): void {
    this.#auditDropped.inc(count);
  }

  begun(): void {
    this.#underWay += 1;
  }

  ended({ operation, startedAt, response }: Exchange): void {
    this.#underWay -= 1;
    this.#requests.observe((performance.now() - startedAt) / 1000, [operation, String(response.statusCode)]);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** From now on the figures tell of jobs as well. */
  watchJobs(read: ReadJobFigures): void {
    this.#readJobs = read;
  }

  async text(): Promise<string> {
    if (this.#readJobs) await this.#jobs.refresh(this.#readJobs);
    return [await this.#registry.metrics(), this.#requests.text(), this.#calls.text()].join('\n');
  }
}
