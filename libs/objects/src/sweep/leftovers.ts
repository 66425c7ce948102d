import { isBackendError, type ListedEntry, type ListRequest } from '#libs/backends';
import type { Intent, Placement, WriteId } from '#libs/metadata';
import { callOf, type Engine, type OperationContext } from '../engine.js';
import type { Target } from '../target.js';

const PAGE = 1000;
/** So far the clocks of a vendor and of this machine may lie apart: AWS refuses requests beyond it. */
const CLOCK_SKEW_MS = 15 * 60_000;

/** All entries of exactly one key, noncurrent versions and unfinished uploads included. */
export async function* entriesOfKey(
  context: OperationContext,
  target: Pick<Target, 'backend' | 'container' | 'backendKey'>,
): AsyncGenerator<ListedEntry> {
  let cursor: string | undefined;
  do {
    const request: ListRequest = {
      container: target.container,
      prefix: target.backendKey,
      include: 'everything',
      limit: PAGE,
    };
    const page = await target.backend.list(callOf(context), cursor === undefined ? request : { ...request, cursor });
    for (const entry of page.entries) if (entry.key === target.backendKey) yield entry;
    cursor = page.cursor;
  } while (cursor !== undefined);
}

/**
 * Forgets the unfinished uploads of a key whose only open intent is the dead one. A listing does not say whose an upload is, so nothing is touched while another intent is open:
 * uploads listed before a new writer came are not that writer's. What began before the dead writer did is somebody else's, and is left.
 * False if there are some that were left because another intent is open.
 */
export async function abortUploads(
  engine: Engine,
  context: OperationContext,
  target: Target,
  dead: WriteId,
): Promise<boolean> {
  const { backend } = target;
  if (!backend.abortUpload) return true;
  const listed: ListedEntry[] = [];
  for await (const entry of entriesOfKey(context, target)) if (entry.kind === 'upload') listed.push(entry);
  const intents = (await engine.index.getKey(target.address))?.value.intents ?? [];
  const own = intents.find(({ writeId }) => writeId === dead);
  // Whoever settled it meanwhile has seen to its uploads: what is there now is somebody else's.
  const uploads = own === undefined ? [] : listed.filter((upload) => mayBeOf(own, upload));
  if (intents.some((intent) => intent !== own && !intent.fenced)) return uploads.length === 0;
  for (const upload of uploads) {
    try {
      await backend.abortUpload(callOf(context), target.container, upload);
    } catch (error) {
      if (!isBackendError(error, 'not-found')) throw error;
    }
  }
  return true;
}

/** The times of an upload's beginning and of the writer's are of two clocks. No candidate is made after its intent, so it may only seem to have begun too early. */
function mayBeOf({ candidate }: Intent, { lastModified }: ListedEntry): boolean {
  return lastModified === undefined || lastModified.getTime() >= candidate.lastModified - CLOCK_SKEW_MS;
}

/** Where writes coexist, a dead writer's bytes may lie beneath a later one's: found by the write id they bear. */
export async function findLosingWrite(
  context: OperationContext,
  target: Target,
  intent: Intent,
): Promise<Placement | undefined> {
  if (target.tokens !== 'version') return undefined;
  for await (const entry of entriesOfKey(context, target)) {
    if (entry.kind !== 'object' && entry.kind !== 'noncurrent') continue;
    const head = await target.backend
      .head(callOf(context), { container: target.container, key: entry.key, token: entry.token })
      .catch((error: unknown) => {
        if (isBackendError(error, 'not-found')) return undefined;
        throw error;
      });
    if (head?.writeId === intent.writeId)
      return { ...intent.candidate.placement, token: head.token, storageClass: head.storageClass };
  }
  return undefined;
}
