import type { BucketId, ListedKey, ObjectIndex } from '#libs/metadata';

const PAGE = 1000;

/** Every key document of a bucket, in key order. Stops when the signal aborts. */
export async function* everyKey(index: ObjectIndex, bucket: BucketId, signal?: AbortSignal): AsyncGenerator<ListedKey> {
  let after: string | undefined;
  for (;;) {
    signal?.throwIfAborted();
    const page = await index.scan(bucket, { limit: PAGE, ...(after === undefined ? {} : { after }) });
    yield* page;
    after = page.at(-1)?.key;
    if (after === undefined || page.length < PAGE) return;
  }
}
