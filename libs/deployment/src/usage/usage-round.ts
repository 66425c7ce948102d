import type { BucketDocument, ControlPlane } from '#libs/metadata';
import type { Engine } from '#libs/objects';
import type { Logger } from '../deployment.js';
import { countBucket } from './count-bucket.js';

/** What a round of counting works with. */
export interface UsageRoundParts {
  readonly engine: Engine;
  readonly controlPlane: ControlPlane;
  readonly logger: Logger;
  /** How long days of usage are kept. */
  readonly keptMs: number;
}

const PAGE = 500;

/**
 * Counts every bucket once, unless another process does so now, and forgets days that are too old. A bucket that cannot be counted is told in the log and keeps no other from its turn.
 * Answers how many were counted; rejects only if the signal aborts.
 */
export async function usageRound(parts: UsageRoundParts, signal: AbortSignal): Promise<number> {
  const { engine, controlPlane, logger, keptMs } = parts;
  let counted = 0;
  try {
    await controlPlane.exclusively('usage count', async () => {
      const snapshot = await controlPlane.configuration.current();
      for await (const bucket of everyBucket(engine)) {
        signal.throwIfAborted();
        if (bucket.state !== 'active') continue;
        try {
          await controlPlane.usage.putStorage(await countBucket(engine, snapshot, bucket, signal));
          counted += 1;
        } catch (error) {
          signal.throwIfAborted();
          logger.warn({ bucket: bucket.name, error }, 'a bucket could not be counted; the next round tries again');
        }
      }
      await controlPlane.usage.prune(engine.clock.now() - keptMs);
    });
  } catch (error) {
    signal.throwIfAborted();
    logger.warn({ error }, 'usage could not be counted; the next round tries again');
  }
  return counted;
}

async function* everyBucket({ index }: Engine): AsyncGenerator<BucketDocument> {
  let after: string | undefined;
  for (;;) {
    const page = await index.listBuckets({ limit: PAGE, ...(after === undefined ? {} : { after }) });
    yield* page;
    after = page.at(-1)?.name;
    if (after === undefined || page.length < PAGE) return;
  }
}
