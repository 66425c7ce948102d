import type { RequestKind, UsageCounters } from '#libs/deployment';
import type { Exchange } from '../http/exchange.js';
import { decodeBucket } from '../objects/object-path.js';

/** Operations on objects that are no writes. */
const READS: ReadonlySet<string> = new Set(['getObject', 'headObject', 'statUpload']);
/** The routes of Nest that are about the objects of a bucket. */
const BUCKET_ROUTE = '/v1/:bucket';

/** Counts a request that ended, if it was served and is about objects: what a refused or a failed one cost is nobody's usage. */
export function countUsage(exchange: Exchange, counters: UsageCounters): void {
  const { response, operation, contentBytes = 0, bucket } = exchange;
  if (response.statusCode >= 400) return;
  if (bucket === undefined) {
    if (operation === BUCKET_ROUTE) countBucketRoute(exchange, counters);
  } else if (READS.has(operation)) counters.request(bucket, 'reads', 0, contentBytes);
  else counters.request(bucket, 'writes', contentBytes, 0);
}

const KIND_OF_METHOD: Readonly<Record<string, RequestKind>> = { GET: 'lists', POST: 'writes' };

function countBucketRoute({ request }: Exchange, counters: UsageCounters): void {
  const kind = KIND_OF_METHOD[request.method ?? ''];
  const bucket = kind && decodeBucket(request.url ?? '');
  if (kind && bucket !== undefined) counters.request(bucket, kind, 0, 0);
}
