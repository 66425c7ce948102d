export {
  Circuit,
  CIRCUIT_DEFAULTS,
  type CircuitOptions,
  type CircuitOutcome,
  type CircuitState,
  type CircuitView,
} from './circuit.js';
export { FaultPlan, type Fault } from './fault-plan.js';
export { RetryBudget, type RetryBudgetOptions } from './retry-budget.js';
export { gatedByCircuit, watchedByCircuit } from './with-circuit.js';
export { withConcurrencyLimit, type ConcurrencyLimit } from './with-concurrency-limit.js';
export { withDeadline, type DeadlineOptions, type Timers } from './with-deadline.js';
export { withFaults } from './with-faults.js';
export { withMetrics, type BackendObserver, type MetricsOptions, type Observation } from './with-metrics.js';
export { withRetry, type RetryOptions } from './with-retry.js';
export { OPERATIONS, wrapBackend, type Around, type Operation, type Step } from './wrap-backend.js';
