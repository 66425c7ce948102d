import { evaluate, nextDue, type LifecycleRule, type LifecycleSubject } from '#libs/tiering';
import type { BucketDocument } from '#libs/metadata';
import { lifecycleContext, subjectOf, type Engine, type OperationContext } from '#libs/objects';
import { everyKey } from '../scan.js';
import type { LifecyclePreview, LifecyclePreviewItem } from './lifecycle-service.js';

const MAX_ITEMS = 100;

/** Looks at every record of the bucket, in the index alone, and tells what a run would do now. */
export async function previewLifecycle(
  engine: Engine,
  context: OperationContext,
  of: { readonly bucket: BucketDocument; readonly rules: readonly LifecycleRule[] },
): Promise<LifecyclePreview> {
  const { bucket, rules } = of;
  const backends = await engine.catalog.list();
  const reading = await lifecycleContext(engine, bucket, backends);
  const now = new Date(engine.clock.now());
  const counts = { expire: { objects: 0, bytes: 0 }, transition: { objects: 0, bytes: 0 } };
  const items: LifecyclePreviewItem[] = [];
  let objects = 0;
  let next: Date | undefined;
  for await (const { key, document } of everyKey(engine.index, bucket.id, context.signal)) {
    const record = document.current;
    const backend = backends.find((one) => one.id === record?.placement.backend);
    if (!record || record.missing || !backend) continue;
    objects += 1;
    const subject = subjectOf(key, record, backend);
    const action = evaluate(subject, rules, now, reading);
    if (action === undefined) {
      const due = nextDue(subject, rules, reading);
      if (due && due > now && (next === undefined || due < next)) next = due;
      continue;
    }
    counts[action.kind].objects += 1;
    counts[action.kind].bytes += record.size;
    if (items.length < MAX_ITEMS)
      items.push({ key, size: record.size, action, nextDue: dueSince(subject, of.rules, { now, reading }) });
  }
  return { objects, ...counts, items, ...(next === undefined ? {} : { nextDue: next.toISOString() }) };
}

function dueSince(
  subject: LifecycleSubject,
  rules: readonly LifecycleRule[],
  at: { now: Date; reading: Parameters<typeof nextDue>[2] },
): string {
  return (nextDue(subject, rules, at.reading) ?? at.now).toISOString();
}
