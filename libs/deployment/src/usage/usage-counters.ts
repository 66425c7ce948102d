import type { BackendObserver } from '#libs/backends';
import type { RequestCounts, RequestDeltas } from '#libs/metadata';

/** Names that are counted between two flushes; whoever makes up more names of buckets than there can be is not counted. */
const MOST_NAMES = 50_000;

type Counts = { -readonly [K in keyof RequestCounts]: RequestCounts[K] };

/** What kind of request it is to a vendor's bill. */
export type RequestKind = 'reads' | 'writes' | 'lists';

type Operation = Parameters<BackendObserver>[0]['operation'];

/** Deleting costs nothing at any vendor, and looking after containers is rare. */
const KIND_OF_CALL: Readonly<Partial<Record<Operation, RequestKind>>> = {
  put: 'writes',
  copy: 'writes',
  restamp: 'writes',
  get: 'reads',
  head: 'reads',
  list: 'lists',
};

/** Counts of requests of one process since the last flush. In memory alone: a request costs a look into a map and two or three additions. */
export class UsageCounters {
  #buckets = new Map<string, Counts>();
  #backends = new Map<string, Counts>();

  /** A request of a client that was served. Bytes are of content. */
  request(bucket: string, kind: RequestKind, bytesIn: number, bytesOut: number): void {
    const counts = countsOf(this.#buckets, bucket);
    if (!counts) return;
    counts[kind] += 1;
    counts.bytesIn += bytesIn;
    counts.bytesOut += bytesOut;
  }

  /** A call to a backend, as the observer of calls sees it. */
  readonly call: BackendObserver = ({ backend, operation, bytes }) => {
    const kind = KIND_OF_CALL[operation];
    const counts = kind && countsOf(this.#backends, backend);
    if (!counts) return;
    counts[kind] += 1;
    if (kind === 'reads') counts.bytesOut += bytes;
    else counts.bytesIn += bytes;
  };

  /** What was counted since the last time; counting begins anew. */
  take(): RequestDeltas {
    const taken = { buckets: this.#buckets, backends: this.#backends };
    this.#buckets = new Map();
    this.#backends = new Map();
    return taken;
  }

  /** Puts back what could not be kept. */
  giveBack({ buckets, backends }: RequestDeltas): void {
    for (const [name, counts] of buckets) add(countsOf(this.#buckets, name), counts);
    for (const [name, counts] of backends) add(countsOf(this.#backends, name), counts);
  }
}

function countsOf(all: Map<string, Counts>, name: string): Counts | undefined {
  const found = all.get(name);
  if (found || all.size >= MOST_NAMES) return found;
  const made: Counts = { reads: 0, writes: 0, lists: 0, bytesIn: 0, bytesOut: 0 };
  all.set(name, made);
  return made;
}

function add(to: Counts | undefined, more: RequestCounts): void {
  if (!to) return;
  to.reads += more.reads;
  to.writes += more.writes;
  to.lists += more.lists;
  to.bytesIn += more.bytesIn;
  to.bytesOut += more.bytesOut;
}
