import {
  evaluate,
  type LifecycleAction,
  type LifecycleContext,
  type LifecycleRule,
  type LifecycleSubject,
} from '#libs/tiering';
import type { BucketDocument, BucketId, KeyDocument, ListedKey, ObjectRecord } from '#libs/metadata';
import { ensureContainer } from '../buckets/containers.js';
import { requireBackend, requireBucket } from '../buckets/open-bucket.js';
import type { Engine, KnownBackend, OperationContext } from '../engine.js';
import { isObjectsError } from '../errors.js';
import { isCurrentWrite } from '../mutation/key-changes.js';
import { changedMeanwhile } from '../mutation/mutate.js';
import { assertRecovered } from '../recovering/recovered.js';
import { moveObject } from '../writing/move-object.js';
import { removeObject } from '../writing/remove-object.js';
import { restampObject } from '../writing/restamp-object.js';
import { countsSoFar, Tally, type Counts, type JobEnd, type JobReporter } from './job-reporter.js';
import { isStoreOutage } from './store-outage.js';
import { tryingAgain } from './trying-again.js';
import { walkKeys } from './walk.js';

export interface RunLifecycle {
  readonly bucketId: BucketId;
  readonly rules: readonly LifecycleRule[];
  readonly parallel: number;
  readonly reporter: JobReporter;
  /** As last reported; undefined at the first start. */
  readonly checkpoint?: Readonly<Record<string, unknown>>;
  /** The counts as last reported, perhaps later than the checkpoint; those of the checkpoint if absent. */
  readonly before?: Counts;
}

interface Checkpoint {
  readonly after?: string;
  readonly counts?: Counts;
}

/**
 * Carries out a bucket's lifecycle rules as of now: expires, changes the class where the object lies, or moves it to another backend, each by the one mutation and only if the object is still what the rules were read against. What fails for a moment is tried again.
 * Counts the objects that had something due. Goes on at its checkpoint after a kill.
 */
export async function runLifecycle(engine: Engine, context: OperationContext, run: RunLifecycle): Promise<JobEnd> {
  const backends = await engine.catalog.list();
  const { value: bucket } = await requireBucket(engine, run.bucketId);
  assertRecovered(bucket);
  const rules = await lifecycleContext(engine, bucket, backends);
  const { after, counts } = (run.checkpoint ?? {}) as Checkpoint;
  const tally = new Tally(countsSoFar(run.before, counts));
  const containers = new Containers(engine, context, bucket.id);
  const now = new Date(engine.clock.now());
  const end = await walkKeys(engine, {
    bucket: bucket.id,
    parallel: run.parallel,
    tally,
    reporter: run.reporter,
    checkpoint: () => ({ counts: tally.counts() }),
    ...(after === undefined ? {} : { after }),
    ...(context.signal ? { signal: context.signal } : {}),
    visit: async (item) => {
      const due = dueOf(item, { rules: run.rules, context: rules, backends, now });
      if (!due) return;
      const failure = await attempt(engine, context, { bucketId: bucket.id, key: item.key, containers, ...due });
      // Not before: an object that an outage leaves undone is due again in the next run, and counted there.
      tally.expect(due.record.size);
      if (failure === undefined) tally.done(due.record.size);
      else tally.failed(item.key, due.record.size, failure);
    },
  });
  if (end === 'completed' && tally.hasFailures)
    return {
      state: 'failed',
      error: 'some objects could not be dealt with; each is listed with its reason, and the next run tries them again',
    };
  return { state: end };
}

/** Answers why an object could not be dealt with, if it could not. Rejects where that says nothing of the object. */
async function attempt(engine: Engine, context: OperationContext, work: Work): Promise<string | undefined> {
  try {
    await tryingAgain(engine, context, () => carryOut(engine, context, work));
    return undefined;
  } catch (error) {
    // A client's write or delete that came between has settled it.
    if (isObjectsError(error, 'changed-meanwhile') || isObjectsError(error, 'no-such-key')) return undefined;
    if (context.signal?.aborted || isStoreOutage(error)) throw error;
    return error instanceof Error ? error.message : String(error);
  }
}

export async function lifecycleContext(
  engine: Engine,
  bucket: BucketDocument,
  backends: readonly KnownBackend[],
): Promise<LifecycleContext> {
  const home = backends.find((backend) => backend.id === bucket.home);
  return {
    vendor: home?.vendor ?? 'generic',
    policies: await engine.policies(),
    backends: backends.map(({ name, vendor }) => ({ name, vendor })),
    ...(home ? { home: home.name } : {}),
  };
}

interface Reading {
  readonly rules: readonly LifecycleRule[];
  readonly context: LifecycleContext;
  readonly backends: readonly KnownBackend[];
  readonly now: Date;
}

export interface Due {
  readonly record: ObjectRecord;
  readonly action: LifecycleAction;
}

/** What the rules ask for this key now, if anything. Also what a preview shows. */
export function dueOf(item: ListedKey, reading: Reading): Due | undefined {
  const record = item.document.current;
  const backend = reading.backends.find((b) => b.id === record?.placement.backend);
  if (!record || record.missing || !backend) return undefined;
  const action = evaluate(subjectOf(item.key, record, backend), reading.rules, reading.now, reading.context);
  return action && { record, action };
}

export function subjectOf(key: string, record: ObjectRecord, backend: KnownBackend): LifecycleSubject {
  return {
    key,
    size: record.size,
    tags: record.tags,
    lastModified: new Date(record.lastModified),
    storageClass: record.placement.storageClass,
    ...(record.tier === undefined ? {} : { tier: record.tier }),
    backend: backend.name,
    vendor: backend.vendor,
  };
}

interface Work extends Due {
  readonly bucketId: BucketId;
  readonly key: string;
  readonly containers: Containers;
}

/** Makes the containers that a run needs, each once, though many objects want it at the same moment. A failure is that of the objects that waited; the next asks again. */
class Containers {
  readonly #making = new Map<string, Promise<BucketDocument>>();

  constructor(
    private readonly engine: Engine,
    private readonly context: OperationContext,
    private readonly bucketId: BucketId,
  ) {}

  async ensure(to: KnownBackend): Promise<BucketDocument> {
    await (this.#making.get(to.id) ?? this.#make(to));
    return (await requireBucket(this.engine, this.bucketId)).value;
  }

  #make(to: KnownBackend): Promise<BucketDocument> {
    const making = requireBucket(this.engine, this.bucketId)
      .then(({ value }) => ensureContainer(this.engine, this.context, value, to))
      .finally(() => this.#making.delete(to.id));
    this.#making.set(to.id, making);
    return making;
  }
}

async function carryOut(engine: Engine, context: OperationContext, work: Work): Promise<void> {
  const { value: bucket } = await requireBucket(engine, work.bucketId);
  const guard = (document: KeyDocument): void => {
    if (!isCurrentWrite(document, work.record.placement.writeId)) throw changedMeanwhile();
  };
  const at = { bucket, key: work.key, guard };
  if (work.action.kind === 'expire') {
    await removeObject(engine, context, at);
    return;
  }
  const storageClass = work.action.tier ?? work.action.storageClass;
  if (work.action.backend === undefined) {
    await restampObject(engine, context, { ...at, storageClass });
    return;
  }
  const to = await requireBackend(engine, work.action.backend);
  const ready = await work.containers.ensure(to);
  await moveObject(engine, context, { ...at, bucket: ready, to: to.id, storageClass });
}
