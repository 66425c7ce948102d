import type { BucketDocument, ObjectRecord } from '#libs/metadata';
import { retierSubject, ruleReading, type Engine, type KnownBackend, type OperationContext } from '#libs/objects';
import {
  judgeRetier,
  retierFees,
  retierWarnings,
  type LifecycleRule,
  type RetierVerdict,
  type RuleReading,
  type TierPolicy,
} from '#libs/tiering';
import type { Amount, RetierGroup, RetierPreview } from './retier-service.js';

const PAGE = 1000;
/** Archived keys that are named. */
const MAX_KEYS = 100;

/** What is to be looked at, and for how long. */
export interface Preview {
  readonly bucket: BucketDocument;
  /** As it is, or as it would be. */
  readonly policy: TierPolicy;
  /** The bucket's lifecycle rules. */
  readonly rules: readonly LifecycleRule[];
  readonly after?: string;
  /** On the engine's monotonic clock: no page is begun later. */
  readonly until: number;
}

class Sum implements Amount {
  objects = 0;
  bytes = 0;

  add(bytes: number): void {
    this.objects += 1;
    this.bytes += bytes;
  }

  shown(): Amount {
    return { objects: this.objects, bytes: this.bytes };
  }
}

interface Group {
  readonly backend: KnownBackend;
  readonly tier: string | null;
  readonly verdict: RetierVerdict;
  readonly all: Sum;
  readonly early: Sum;
  readonly small: Sum;
}

class Figures {
  looked = 0;
  readonly change = new Sum();
  readonly rename = new Sum();
  readonly own = new Sum();
  readonly archived = new Sum();
  readonly archivedKeys: string[] = [];
  readonly groups = new Map<string, Group>();

  constructor(
    private readonly policy: TierPolicy,
    private readonly reading: RuleReading,
  ) {}

  add(key: string, record: ObjectRecord, backend: KnownBackend): void {
    this.looked += 1;
    const object = retierSubject(key, record, backend);
    const verdict = judgeRetier(object, this.policy, this.reading);
    if (verdict.kind === 'as-meant') return;
    if (verdict.kind === 'own' || verdict.kind === 'archived') {
      this[verdict.kind].add(record.size);
      if (verdict.kind === 'archived' && this.archivedKeys.length < MAX_KEYS) this.archivedKeys.push(key);
      return;
    }
    (verdict.kind === 'name' ? this.rename : this.change).add(record.size);
    const group = this.#groupOf(backend, record.tier ?? null, verdict);
    group.all.add(record.size);
    if (verdict.kind === 'name') return;
    const fees = retierFees(object, verdict, this.reading.now);
    if (fees.early) group.early.add(record.size);
    if (fees.small) group.small.add(record.size);
  }

  #groupOf(backend: KnownBackend, tier: string | null, verdict: RetierVerdict): Group {
    const name = JSON.stringify([backend.id, tier, verdict.from, verdict.to]);
    const found = this.groups.get(name);
    if (found) return found;
    const made = { backend, tier, verdict, all: new Sum(), early: new Sum(), small: new Sum() };
    this.groups.set(name, made);
    return made;
  }
}

/** Looks at the records of a bucket, in the index alone, until all are seen or the time is up; at one page at least. */
export async function previewRetier(
  engine: Engine,
  context: OperationContext,
  { bucket, policy, rules, after: from, until }: Preview,
): Promise<RetierPreview> {
  const backends = await engine.catalog.list();
  const byId = new Map(backends.map((backend) => [backend.id, backend]));
  const figures = new Figures(policy, await ruleReading(engine, { bucket, policy, backends, rules }));
  let after = from;
  for (;;) {
    context.signal?.throwIfAborted();
    const page = await engine.index.scan(bucket.id, { limit: PAGE, ...(after === undefined ? {} : { after }) });
    for (const { key, document } of page) {
      const backend = byId.get(document.current?.placement.backend ?? '');
      if (document.current && !document.current.missing && backend) figures.add(key, document.current, backend);
    }
    const isWhole = page.length < PAGE;
    after = page.at(-1)?.key ?? after;
    if (isWhole || engine.clock.monotonic() >= until)
      return show(figures, { bucket, policy, home: byId.get(bucket.home), next: isWhole ? undefined : after });
  }
}

function show(
  figures: Figures,
  of: {
    readonly bucket: BucketDocument;
    readonly policy: TierPolicy;
    readonly home: KnownBackend | undefined;
    readonly next: string | undefined;
  },
): RetierPreview {
  const { policy, home } = of;
  const isElsewhere = home !== undefined && policy.backends.length > 0 && !policy.backends.includes(home.name);
  const elsewhere = `${policy.name} is for the backends ${policy.backends.join(', ')}; a retier changes classes where objects lie, and a migration takes the bucket there`;
  return {
    bucket: of.bucket.name,
    policy: policy.name,
    looked: figures.looked,
    change: figures.change.shown(),
    rename: figures.rename.shown(),
    groups: [...figures.groups.values()].map(showGroup),
    leftAlone: {
      own: figures.own.shown(),
      archived: { ...figures.archived.shown(), keys: figures.archivedKeys },
    },
    warnings: isElsewhere ? [elsewhere] : [],
    next: of.next ?? null,
  };
}

function showGroup({ backend, tier, verdict, all, early, small }: Group): RetierGroup {
  const { kind, from, to } = verdict;
  return {
    backend: backend.name,
    tier,
    storageClass: from,
    to,
    ...all.shown(),
    early: early.shown(),
    small: small.shown(),
    warnings: kind === 'class' ? retierWarnings(backend.vendor, from, to) : [],
  };
}
