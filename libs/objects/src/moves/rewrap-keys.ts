import type { BucketDocument, KeyAddress, KeyDocument, ListedKey, ObjectRecord } from '#libs/metadata';
import type { Engine, OperationContext } from '../engine.js';
import { isObjectsError } from '../errors.js';
import { changeKey } from '../mutation/change-key.js';
import { currentlyWrapped } from '../sealing/sealings.js';
import { Tally, type JobEnd, type JobReporter } from './job-reporter.js';
import { walkKeys } from './walk.js';

export interface RewrapKeys {
  /** Keys looked at at once. */
  readonly parallel: number;
  readonly reporter: JobReporter;
  readonly checkpoint?: Readonly<Record<string, unknown>>;
}

const MAX_PASSES = 8;
/** Longer than any process acts on old configuration, with time for a commit that it had begun by then. */
const SETTLED_MS = 5_000;
const PAGE = 1000;

interface Pass extends RewrapKeys {
  readonly number: number;
  readonly tally: Tally;
  /** Where an interrupted pass goes on. */
  readonly at: { readonly bucket?: string; readonly after?: string };
}

/**
 * Wraps the data key of every sealed object anew, under the master key that is current; no object's bytes are touched. Passes over the index are made until a whole one, begun when every process must have
 * seen which key is current, finds nothing under another. Killed at any point it goes on at its checkpoint.
 */
export async function rewrapKeys(engine: Engine, context: OperationContext, run: RewrapKeys): Promise<JobEnd> {
  const { bucket, after, pass } = run.checkpoint ?? {};
  let at: Pass['at'] = {
    ...(typeof bucket === 'string' ? { bucket } : {}),
    ...(typeof after === 'string' ? { after } : {}),
  };
  const first = typeof pass === 'number' ? pass : 1;
  // A pass that was begun before this process waited may have been too early for others.
  let isSettled = false;
  for (let number = first; number < first + MAX_PASSES; number += 1) {
    const tally = new Tally();
    const found = await rewrapPass(engine, context, { ...run, number, tally, at });
    if (found.end !== 'completed') return { state: found.end };
    if (tally.hasFailures) {
      return {
        state: 'failed',
        error:
          'the keys of some objects could not be wrapped anew; each is listed with its reason, and the old master keys are still needed',
      };
    }
    if (isSettled && found.rewrapped === 0) return { state: 'completed' };
    isSettled = true;
    at = {};
    await engine.clock.sleep(SETTLED_MS, context.signal);
  }
  return {
    state: 'failed',
    error: `after ${MAX_PASSES} passes objects still come under an old master key; is there a process that cannot follow?`,
  };
}

async function rewrapPass(
  engine: Engine,
  context: OperationContext,
  pass: Pass,
): Promise<{ readonly end: 'completed' | 'paused' | 'cancelled'; readonly rewrapped: number }> {
  let rewrapped = 0;
  for await (const bucket of allBuckets(engine)) await count(engine, bucket, pass.tally);
  for await (const bucket of allBuckets(engine, pass.at.bucket)) {
    const resumed = bucket.name === pass.at.bucket && pass.at.after !== undefined;
    const end = await walkKeys(engine, {
      bucket: bucket.id,
      parallel: pass.parallel,
      tally: pass.tally,
      reporter: pass.reporter,
      checkpoint: { pass: pass.number, bucket: bucket.name },
      ...(resumed ? { after: pass.at.after } : {}),
      ...(context.signal ? { signal: context.signal } : {}),
      visit: async (item) => {
        if (await rewrapKey(engine, pass.tally, { bucket: bucket.id, key: item.key }, item)) rewrapped += 1;
      },
    });
    if (end !== 'completed') return { end, rewrapped };
  }
  const checkpoint = { pass: pass.number + 1 };
  await pass.reporter.report({ counts: pass.tally.counts(), failures: pass.tally.takeFailures(), checkpoint });
  return { end: 'completed', rewrapped };
}

/** From that name on, itself included, in the order of names. */
async function* allBuckets(engine: Engine, from?: string): AsyncGenerator<BucketDocument> {
  const named = from === undefined ? undefined : await engine.index.findBucket(from);
  if (named) yield named.value;
  for (let after = from; ;) {
    const page = await engine.index.listBuckets({ limit: PAGE, ...(after === undefined ? {} : { after }) });
    yield* page;
    after = page.at(-1)?.name;
    if (after === undefined || page.length < PAGE) return;
  }
}

/** So that progress has a total: one walk over the index alone. What is under the current key counts as done. */
async function count(engine: Engine, bucket: BucketDocument, tally: Tally): Promise<void> {
  for (let after: string | undefined; ;) {
    const page = await engine.index.scan(bucket.id, { limit: PAGE, ...(after === undefined ? {} : { after }) });
    for (const { document } of page) {
      const record = document.current;
      if (!record?.sealing) continue;
      tally.expect(record.size);
      if (engine.dataKeys.isCurrent(record.sealing.key)) tally.done(record.size);
    }
    after = page.at(-1)?.key;
    if (after === undefined || page.length < PAGE) return;
  }
}

/** True if anything in the key's document was under another master key. */
async function rewrapKey(engine: Engine, tally: Tally, address: KeyAddress, { document }: ListedKey): Promise<boolean> {
  const isStale = ({ sealing }: ObjectRecord): boolean =>
    sealing !== undefined && !engine.dataKeys.isCurrent(sealing.key);
  const needs = ({ current, intents }: KeyDocument): boolean =>
    (current !== undefined && isStale(current)) || intents.some((intent) => isStale(intent.candidate));
  if (!needs(document)) return false;
  const counted = document.current && isStale(document.current) ? document.current : undefined;
  try {
    await changeKey(engine, address, { requireActive: false }, (newest) =>
      needs(newest) ? { next: rewrappedDocument(engine, address, newest), then: undefined } : { done: undefined },
    );
    if (counted) tally.done(counted.size);
  } catch (error) {
    if (!isObjectsError(error, 'damaged') && !isObjectsError(error, 'key-unavailable')) throw error;
    tally.failed(address.key, counted?.size ?? 0, error.message);
  }
  return true;
}

/** Neither the revision nor any token changes: nothing that was decided by this document becomes undecided. */
function rewrappedDocument(engine: Engine, address: KeyAddress, document: KeyDocument): KeyDocument {
  const { current, intents } = document;
  return {
    ...document,
    ...(current ? { current: currentlyWrapped(engine, address, current) } : {}),
    intents: intents.map((intent) => ({ ...intent, candidate: currentlyWrapped(engine, address, intent.candidate) })),
  };
}
