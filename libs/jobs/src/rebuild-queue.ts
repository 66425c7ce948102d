import type { JobStore } from '#libs/metadata';
import type { JobQueue } from './job-queue.js';

const PAGE = 500;

/**
 * Puts every planned or running job into the queue; those it carries already stay as they are. Run at a worker's start, and now and then, it makes good
 * whatever the queue lost. Answers how many jobs there were.
 */
export async function rebuildQueue(jobs: JobStore, queue: JobQueue): Promise<number> {
  let count = 0;
  let after: string | undefined;
  do {
    const page = await jobs.listUnfinished({ limit: PAGE, ...(after === undefined ? {} : { after }) });
    for (const job of page.items) await queue.enqueue(job.id, job.type);
    count += page.items.length;
    after = page.next;
  } while (after !== undefined);
  return count;
}
