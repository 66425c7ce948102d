import type { JobQueue } from '#libs/jobs';
import type { Logger } from '../deployment.js';

/** Puts jobs that the control plane has into the queue. Never rejects: a job that the queue cannot take now stays where it is safe, and a worker puts it in within `SPUMONI_SWEEP_SECONDS`. */
export type JobCarrier = Pick<JobQueue, 'enqueue'>;

/** The carrier over a queue: an outage of its store delays jobs and fails no request. */
export function carrierOf(queue: JobQueue, logger: Logger): JobCarrier {
  return {
    enqueue: async (jobId, type) => {
      try {
        await queue.enqueue(jobId, type);
      } catch (error) {
        logger.warn({ job: jobId, error }, 'the queue cannot take a job now; a worker puts it in later');
      }
    },
  };
}
