import { IndexError, type ObjectIndex } from '#libs/metadata';
import { inSpan, type Tracing } from '#libs/tracing';

function failureOf(error: unknown): string {
  return error instanceof IndexError ? error.kind : 'unknown';
}

/** A span for each read, change and listing of the index that a traced request makes; it names the operation, never the key. */
export function tracedIndex(index: ObjectIndex, tracing: Tracing): ObjectIndex {
  const within = <T>(operation: string, run: () => Promise<T>): Promise<T> => {
    const active = tracing.active();
    if (active === undefined || !active.isRecorded || active.countsParts) return run();
    return inSpan(tracing, { name: `index ${operation}`, kind: 'internal' }, run, failureOf);
  };
  return {
    getKey: (address) => within('get', () => index.getKey(address)),
    changeKey: (address, change) => within('change', () => index.changeKey(address, change)),
    list: (bucket, options) => within('list', () => index.list(bucket, options)),
    scan: (bucket, options) => within('scan', () => index.scan(bucket, options)),
    listPending: (options) => index.listPending(options),
    findBucket: (name) => within('find bucket', () => index.findBucket(name)),
    getBucket: (id) => within('get bucket', () => index.getBucket(id)),
    changeBucket: (id, expected, next) => within('change bucket', () => index.changeBucket(id, expected, next)),
    listBuckets: (options) => within('list buckets', () => index.listBuckets(options)),
    ping: () => index.ping(),
    close: () => index.close(),
  };
}
