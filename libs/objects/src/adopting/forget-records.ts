import type { BucketContainer, BucketDocument, ObjectRecord } from '#libs/metadata';
import { isSameContainer } from '../buckets/erase-container.js';
import { changeBucket } from '../buckets/open-bucket.js';
import type { Engine, OperationContext } from '../engine.js';
import { ObjectsError } from '../errors.js';
import { changeKey } from '../mutation/change-key.js';
import { inParallel } from '../moves/walk.js';
import { detachContainer } from './take-container.js';

const PAGE = 500;
const PARALLEL = 32;

/**
 * The first object that would be lost if the bucket were forgotten, if there is one: what lies in an adopted container stays there under its own key, all else goes with its container, and what is encrypted could not be read any more. Reads at most the whole index of the bucket, and a
 * page of it where nothing is adopted.
 */
export async function firstToBeLost(engine: Engine, bucket: BucketDocument): Promise<string | undefined> {
  const adopted = bucket.containers.filter((container) => container.adopted);
  // What is encrypted stays too, but its key goes with the record.
  const stays = ({ placement, sealing }: ObjectRecord): boolean =>
    sealing === undefined && adopted.some((container) => isSameContainer(container, placement));
  for await (const page of pages(engine, bucket))
    for (const { key, document } of page) if (document.current && !stays(document.current)) return key;
  return undefined;
}

async function* pages(
  engine: Engine,
  bucket: BucketDocument,
): AsyncGenerator<Awaited<ReturnType<Engine['index']['scan']>>> {
  let after: string | undefined;
  for (;;) {
    const page = await engine.index.scan(bucket.id, { limit: PAGE, ...(after === undefined ? {} : { after }) });
    yield page;
    after = page.at(-1)?.key;
    if (after === undefined || page.length < PAGE) return;
  }
}

/**
 * Detaches an adopted container of a bucket that is being deleted: the document says first that it is going, so that a deletion that is interrupted never opens a bucket that has forgotten its objects; then the records go, then the marker. Bytes
 * stay as they are. Idempotent. `mayGo` is shown the newest document, and throws if the container may not go after all.
 */
export async function detachForGood(
  engine: Engine,
  context: OperationContext,
  of: { bucket: BucketDocument; container: BucketContainer; mayGo: (bucket: BucketDocument) => void },
): Promise<void> {
  const { bucket, container } = of;
  await changeBucket(engine, bucket.id, (current) => {
    of.mayGo(current);
    const going = (c: BucketContainer): BucketContainer => ({ ...c, marker: '', retiring: true });
    return { ...current, containers: current.containers.map((c) => (isSameContainer(c, container) ? going(c) : c)) };
  });
  for await (const page of pages(engine, bucket)) {
    context.signal?.throwIfAborted();
    await inParallel(page, PARALLEL, ({ key }) => forget(engine, bucket, key));
  }
  await detachContainer(engine, context, {
    bucket: bucket.id,
    container: container.container,
    backendId: container.backend,
  });
}

async function forget(engine: Engine, bucket: BucketDocument, key: string): Promise<void> {
  await changeKey(engine, { bucket: bucket.id, key }, { requireActive: false }, (document) => {
    if (document.intents.length > 0 || document.garbage.length > 0)
      throw new ObjectsError('busy', `bucket ${bucket.name} is still being cleaned up; try again`, {
        retryAfterSeconds: 5,
      });
    const { current: _forgotten, ...rest } = document;
    return { next: rest, then: undefined };
  });
}
