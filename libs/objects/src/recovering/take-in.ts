import { isBackendError, type Call, type ObjectBackend } from '#libs/backends';
import type { BucketContainer, BucketDocument, KeyDocument } from '#libs/metadata';
import { isSameContainer } from '../buckets/erase-container.js';
import { isLive } from '../buckets/marked-containers.js';
import { readMarker } from '../buckets/marker.js';
import { changeBucket, requireBucket } from '../buckets/open-bucket.js';
import { callOf, type Engine, type OperationContext } from '../engine.js';
import { fromBackend } from '../errors.js';
import { changeKey } from '../mutation/change-key.js';
import { commit, withoutGarbage, withoutIntent } from '../mutation/key-changes.js';
import { documentsIn } from '../reconciling/listed-page.js';
import { surveyContainers, type MarkedPlace } from './marked-places.js';

/** A container that the backup names and the vendor does not have any more, while the bucket lives on elsewhere. */
export interface VanishedContainer {
  readonly container: BucketContainer;
  /** The backend's endpoint leads to this deployment's containers, so that it has gone indeed. */
  readonly isCertain: boolean;
}

/** Whether a container is among those that are no more. */
export function lossOf(
  vanished: readonly VanishedContainer[],
  place: Pick<BucketContainer, 'backend' | 'container'>,
): 'certainly' | 'perhaps' | 'no' {
  const found = vanished.find(({ container }) => isSameContainer(container, place));
  if (!found) return 'no';
  return found.isCertain ? 'certainly' : 'perhaps';
}

/** A bucket as the vendors say that it lies. */
export interface FoundBucket {
  readonly bucket: BucketDocument;
  readonly vanished: readonly VanishedContainer[];
}

/**
 * Takes in what became of a bucket's containers since the backup, by their markers: those that a migration or a rule has made since become the bucket's, and those that a migration has emptied and removed since are told. Idempotent. Nothing is changed at the vendors.
 * Fails as `surveyContainers` does.
 */
export async function takeInContainers(
  engine: Engine,
  context: OperationContext,
  bucket: BucketDocument,
): Promise<FoundBucket> {
  const { places, proven } = await surveyContainers(engine, context);
  for (const place of places) if (place.bucket === bucket.id) await takeIn(engine, context, bucket, place);
  const { value: found } = await requireBucket(engine, bucket.id);
  const vanished: VanishedContainer[] = [];
  let lives = false;
  for (const container of found.containers.filter(isLive)) {
    const state = await stateOf(engine, context, found, container);
    // Only a container that bears the bucket's marker says that the bucket went there, and was not deleted.
    if (state === 'own') lives = true;
    if (state === 'gone') vanished.push({ container, isCertain: proven.has(container.backend) });
  }
  const { value: now } = await requireBucket(engine, bucket.id);
  return { bucket: now, vanished: lives ? vanished : [] };
}

/** A container that has been removed and made again since, under its old name, bears another marker of the bucket's: the bucket's document is told. */
async function stateOf(
  engine: Engine,
  context: OperationContext,
  bucket: BucketDocument,
  container: BucketContainer,
): Promise<'own' | 'foreign' | 'gone'> {
  const backend = await engine.backends.open(container.backend);
  const call = callOf(context);
  const at = { container: container.container };
  try {
    const found = await readMarker(call, backend, at);
    if (!found) return (await isThere(call, backend, container.container)) ? 'foreign' : 'gone';
    if (found.deployment !== engine.settings.deploymentId || found.bucket !== bucket.id) return 'foreign';
    if (found.token === container.marker) return 'own';
    if (found.place && !isSameContainer(found.place, container)) return 'foreign';
    const { backend: backendId } = container;
    await takeIn(engine, context, bucket, { ...at, bucket: bucket.id, backend: backendId, marker: found.token });
    return 'own';
  } catch (error) {
    throw fromBackend(error, backend.name);
  }
}

async function isThere(call: Call, backend: ObjectBackend, container: string): Promise<boolean> {
  return backend.inspectContainer(call, container).then(
    () => true,
    (error: unknown) => {
      if (isBackendError(error, 'not-found')) return false;
      throw error;
    },
  );
}

async function takeIn(
  engine: Engine,
  context: OperationContext,
  { id }: BucketDocument,
  { backend: backendId, container, marker }: MarkedPlace,
): Promise<BucketDocument> {
  const backend = await engine.backends.open(backendId);
  const { tokens } = await backend.inspectContainer(callOf(context), container).catch((error: unknown) => {
    throw fromBackend(error, backend.name);
  });
  const taken = { backend: backendId, container, marker, ...(tokens === 'none' ? { weak: true as const } : {}) };
  return changeBucket(engine, id, (current) => {
    const known = current.containers.find((one) => isSameContainer(one, taken));
    if (known?.retiring || known?.marker === marker) return undefined;
    const { adopted } = known ?? {};
    const next = { ...taken, ...(adopted ? { adopted } : {}) };
    return { ...current, containers: [...current.containers.filter((one) => one !== known), next] };
  });
}

/**
 * Settles what the index still has in containers that are no more, after all others have been gone through: an object that was found nowhere was deleted since. Where the endpoint may be the wrong one it is marked as missing instead, and its container
 * stays named, for an operator to decide. New writes go to where the bucket lies now.
 */
export async function leaveVanished(
  engine: Engine,
  bucket: BucketDocument,
  vanished: readonly VanishedContainer[],
): Promise<void> {
  if (vanished.length === 0) return;
  const needed: BucketContainer[] = [];
  for (const one of vanished) if (await settleRecords(engine, bucket, one)) needed.push(one.container);
  const isVanished = (container: BucketContainer): boolean =>
    vanished.some((one) => isSameContainer(one.container, container));
  const after = await changeBucket(engine, bucket.id, (current) => {
    const there = current.containers.filter((container) => isLive(container) && !isVanished(container));
    const home = there.some(({ backend }) => backend === current.home)
      ? current.home
      : (there.at(-1)?.backend ?? current.home);
    const isNeeded = (container: BucketContainer): boolean => needed.some((one) => isSameContainer(one, container));
    return { ...current, home, containers: current.containers.filter((one) => !isVanished(one) || isNeeded(one)) };
  });
  if (after.home !== bucket.home) await engine.buckets.update(bucket.id, { backendId: after.home });
}

/** Answers whether the container is to stay named. */
async function settleRecords(engine: Engine, bucket: BucketDocument, vanished: VanishedContainer): Promise<boolean> {
  let isNeeded = false;
  for await (const page of documentsIn(engine, { bucket: bucket.id }))
    for (const { key, document } of page) {
      if (!isConcerned(document, vanished)) continue;
      await changeKey(engine, { bucket: bucket.id, key }, { requireActive: true }, (newest) => {
        const next = without(newest, vanished, engine.clock.now());
        isNeeded ||=
          !vanished.isCertain &&
          next.current !== undefined &&
          isSameContainer(next.current.placement, vanished.container);
        return { next, then: undefined };
      });
    }
  return isNeeded;
}

function isConcerned({ current, intents }: KeyDocument, { container }: VanishedContainer): boolean {
  const placements = [current?.placement, ...intents.map(({ candidate }) => candidate.placement)];
  return placements.some((placement) => placement !== undefined && isSameContainer(placement, container));
}

/** Garbage there needs no settling: it is forgotten when its container is named no more. */
function without(document: KeyDocument, { container, isCertain }: VanishedContainer, now: number): KeyDocument {
  const { current } = document;
  const isHere = current !== undefined && isSameContainer(current.placement, container);
  if (!isCertain)
    return isHere && !current.missing ? { ...document, current: { ...current, missing: true } } : document;
  const settled = document.intents
    .filter(({ candidate }) => isSameContainer(candidate.placement, container))
    .reduce((rest, { writeId }) => withoutIntent(rest, writeId), document);
  // It was missing before the backup: an operator has yet to decide.
  if (!isHere || current.missing) return settled;
  return withoutGarbage(commit(settled, { coexist: true, garbageFrom: now }), current.placement);
}
