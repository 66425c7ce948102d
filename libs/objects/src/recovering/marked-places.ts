import { isBackendError, type ObjectBackend } from '#libs/backends';
import type { BucketId } from '#libs/metadata';
import { everyBucket } from '../adopting/discover.js';
import { readMarker, type FoundMarker } from '../buckets/marker.js';
import { callOf, type Engine, type OperationContext } from '../engine.js';
import { fromBackend } from '../errors.js';
import { inParallel } from '../moves/walk.js';

/** A container that no bucket's document names, and that bears the marker of a bucket of this deployment. */
export interface MarkedPlace {
  readonly bucket: BucketId;
  readonly backend: string;
  readonly container: string;
  readonly marker: string;
}

/** What the registered backends hold of this deployment. */
export interface Survey {
  readonly places: readonly MarkedPlace[];
  /** Backends with a container that bears this deployment's marker: their endpoint is the right one. */
  readonly proven: ReadonlySet<string>;
}

const PARALLEL = 8;
/** So long one survey is good for every bucket that is being recovered: else each would ask for the marker of each container. */
const GOOD_FOR_MS = 60_000;
const SURVEYS = new WeakMap<Engine, { readonly at: number; readonly of: string; readonly survey: Promise<Survey> }>();

/**
 * Looks on every registered backend for containers of this deployment. A container that its marker says was made elsewhere is a copy, and none of ours; so is one whose marker says nothing of its place, as those of earlier versions: nobody knows.
 * Fails as any call to a backend does if one cannot be asked now: what lies there could be a bucket's. Credentials that may not list containers, but read those that are known, are passed over.
 */
export async function surveyContainers(engine: Engine, context: OperationContext): Promise<Survey> {
  const ids = (await engine.catalog.list()).map(({ id }) => id).sort();
  const of = ids.join();
  const now = engine.clock.monotonic();
  const last = SURVEYS.get(engine);
  if (last?.of === of && now - last.at < GOOD_FOR_MS) return last.survey;
  const survey = lookEverywhere(engine, context, ids);
  SURVEYS.set(engine, { at: now, of, survey });
  // A failure is not for the next to share.
  survey.catch(() => SURVEYS.delete(engine));
  return survey;
}

async function lookEverywhere(engine: Engine, context: OperationContext, ids: readonly string[]): Promise<Survey> {
  const named = await namedContainers(engine);
  const places = new Map<string, MarkedPlace>();
  const proven = new Set<string>();
  for (const id of ids) {
    const backend = await engine.backends.open(id);
    const known = named.get(id) ?? new Set<string>();
    const isOurs = async (container: string): Promise<boolean> =>
      (await markerIn(context, backend, container))?.deployment === engine.settings.deploymentId;
    const names = await containersOf(context, backend, { known, isOurs });
    await inParallel(
      names.filter((name) => !known.has(name)),
      PARALLEL,
      async (container) => {
        const found = await markerIn(context, backend, container);
        if (found?.deployment !== engine.settings.deploymentId) return;
        proven.add(id);
        const { place, bucket, token } = found;
        const isHere = place?.container === container && (place.backend === id || !ids.includes(place.backend));
        // Two backends may lead to the same place: it is taken once.
        if (isHere && !places.has(`${container}/${token}`))
          places.set(`${container}/${token}`, { bucket: bucket as BucketId, backend: id, container, marker: token });
      },
    );
    for (const container of names) {
      if (proven.has(id)) break;
      if (await isOurs(container)) proven.add(id);
    }
  }
  return { places: [...places.values()], proven };
}

/** Containers that are recorded as made and marked, by backend. What was only planned may have been made since. */
async function namedContainers(engine: Engine): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const named = new Map<string, Set<string>>();
  for await (const bucket of everyBucket(engine))
    for (const { backend, container, marker } of bucket.containers) {
      if (marker === '') continue;
      const known = named.get(backend) ?? new Set();
      named.set(backend, known.add(container));
    }
  return named;
}

async function containersOf(
  context: OperationContext,
  backend: ObjectBackend,
  { known, isOurs }: { known: ReadonlySet<string>; isOurs: (container: string) => Promise<boolean> },
): Promise<readonly string[]> {
  try {
    return (await backend.listContainers(callOf(context))).map(({ name }) => name).sort();
  } catch (error) {
    // Credentials that are good for what is known may be made so; those that are good for nothing are out of date.
    if (isBackendError(error, 'denied')) for (const name of known) if (await isOurs(name)) return [...known];
    throw fromBackend(error, backend.name);
  }
}

async function markerIn(
  context: OperationContext,
  backend: ObjectBackend,
  container: string,
): Promise<FoundMarker | undefined> {
  try {
    return await readMarker(callOf(context), backend, { container });
  } catch (error) {
    // In another region, or closed to these credentials: none of ours was made so.
    if (isBackendError(error, 'denied') || isBackendError(error, 'invalid')) return undefined;
    throw fromBackend(error, backend.name);
  }
}
