export { openJobQueue, QUEUE_NAMES, type QueueConnection, type QueueOptions } from './bull-queue.js';
export { JobHeldError } from './job-queue.js';
export type { JobDelivery, JobHandlers, JobQueue, ScheduleTick, Working, WorkOptions } from './job-queue.js';
export type { RedisConnection } from './redis-store.js';
export type { JobPayload, JobPayloads } from './payloads.js';
export { etaSeconds, ProgressMeter, RATE_WINDOW_MS, ratesOver, type ProgressSample, type Rates } from './progress.js';
export { rebuildQueue } from './rebuild-queue.js';
export { WATCH_INTERVAL_MS, watchJob, type WatchOptions } from './watch-job.js';
