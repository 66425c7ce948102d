import { isBackendError, type ListedEntry, type ListRequest } from '#libs/backends';
import type { Intent, Placement, WriteId } from '#libs/metadata';
import { callOf, type Engine, type OperationContext } from '../engine.js';
import type { Target } from '../target.js';

const PAGE = 1000;

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
 * uploads listed before a new writer came are not that writer's. False if there are some that were left for that reason.
 */
export async function abortUploads(
  engine: Engine,
  context: OperationContext,
  target: Target,
  dead: WriteId,
): Promise<boolean> {
  const { backend } = target;
  if (!backend.abortUpload) return true;
  const uploads: ListedEntry[] = [];
  for await (const entry of entriesOfKey(context, target)) if (entry.kind === 'upload') uploads.push(entry);
  const found = await engine.index.getKey(target.address);
  const others = found?.value.intents.filter((intent) => intent.writeId !== dead && !intent.fenced) ?? [];
  if (others.length > 0) return uploads.length === 0;
  for (const upload of uploads) {
    try {
      await backend.abortUpload(callOf(context), target.container, upload);
    } catch (error) {
      if (!isBackendError(error, 'not-found')) throw error;
    }
  }
  return true;
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
