import type { BucketDocument } from '#libs/metadata';
import {
  inParallel,
  listObjects,
  MAX_LIST_KEYS,
  removeObject,
  type Engine,
  type OperationContext,
} from '#libs/objects';
import { tell } from '../http/problem.js';
import { RequestError } from '../http/request-error.js';

/** Deletions under way at once for one request. */
const PARALLEL = 8;
/** So many failures are told one by one; the rest is counted. */
const TOLD_FAILURES = 1000;

/** What became of one key. */
export interface KeyRemoval {
  readonly key: string;
  readonly deleted: boolean;
  readonly error?: { readonly code: string; readonly detail: string };
}

/** What became of a folder. */
export interface FolderRemoval {
  readonly returnCode: 200 | 204;
  readonly message: string;
  readonly folder: string;
  readonly deleted: number;
  readonly failed: number;
  /** The first thousand. */
  readonly failures: readonly KeyRemoval[];
}

/** Deletes keys of a bucket, each by itself: one that fails is told and stops no other. Answers in the order of the keys. */
export async function removeKeys(
  engine: Engine,
  context: OperationContext,
  { bucket, keys }: { readonly bucket: BucketDocument; readonly keys: readonly string[] },
): Promise<readonly KeyRemoval[]> {
  const results = new Map<string, KeyRemoval>();
  await inParallel([...new Set(keys)], PARALLEL, async (key) => {
    try {
      const removed = await removeObject(engine, context, { bucket, key });
      results.set(key, { key, deleted: removed !== undefined });
    } catch (error) {
      const { code, detail } = tell(error);
      results.set(key, { key, deleted: false, error: { code, detail } });
    }
  });
  return keys.map((key) => results.get(key) ?? { key, deleted: false });
}

/**
 * Deletes everything below a folder and the folder itself, a page of the listing at a time. Goes on past failures and tells them;
 * writes that come while it runs may stay. Stops between pages when the context's signal aborts.
 */
export async function removeFolder(
  engine: Engine,
  context: OperationContext,
  { bucket, folder }: { readonly bucket: BucketDocument; readonly folder: string },
): Promise<FolderRemoval> {
  if (!folder.endsWith('/'))
    throw new RequestError('invalid-request', 'recursive deletion is of folders: the key must end in "/"');
  let deleted = 0;
  let failed = 0;
  const failures: KeyRemoval[] = [];
  let marker: string | undefined;
  do {
    context.signal?.throwIfAborted();
    const page = await listObjects(engine, {
      bucket,
      prefix: folder,
      maxKeys: MAX_LIST_KEYS,
      ...(marker === undefined ? {} : { marker }),
    });
    const results = await removeKeys(engine, context, { bucket, keys: page.objects.map(({ key }) => key) });
    for (const result of results) {
      if (!result.error) deleted += 1;
      else if (++failed <= TOLD_FAILURES) failures.push(result);
    }
    marker = page.nextMarker;
  } while (marker !== undefined);
  const returnCode = failed === 0 ? 204 : 200;
  const message = failed === 0 ? 'Successfully Deleted!' : 'Some objects could not be deleted.';
  return { returnCode, message, folder, deleted, failed, failures };
}
