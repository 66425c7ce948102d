import {
  checkMetadata,
  checkTags,
  encodeKey,
  limitsOf,
  suggestBucketName,
  validateBucketName,
  type Vendor,
} from '#libs/naming';
import type { ObjectRecord } from '#libs/metadata';
import type { Engine, OperationContext } from '#libs/objects';
import { everyKey } from '../scan.js';
import type { MigrationEnds } from './migration-ends.js';
import type { MigrationObstacle, MigrationPlan } from './migration-service.js';

type Kind = MigrationObstacle['kind'];
const MAX_EXAMPLES = 10;

/** Why a vendor cannot hold an object: kind and words. */
function* objections(key: string, record: ObjectRecord, vendor: Vendor): Generator<[Kind, string]> {
  const words = (violations: readonly { message: string }[]): string => violations.map((one) => one.message).join('; ');
  const encoded = encodeKey(key, vendor);
  if (!encoded.ok) yield ['key', words(encoded.violations)];
  const metadata = checkMetadata(record.metadata, vendor);
  if (metadata.length > 0) yield ['metadata', words(metadata)];
  const tags = checkTags(record.tags, vendor);
  if (tags.length > 0) yield ['tags', words(tags)];
  const { maxObjectBytes } = limitsOf(vendor);
  if (record.size > maxObjectBytes)
    yield ['size', `${record.size} bytes; ${vendor} holds objects of ${maxObjectBytes}`];
}

/** The name its container will have, as far as it can be known before it is made: a name that is taken at the vendor gets a slug as well. */
function containerOf({ bucket, to, container }: MigrationEnds): MigrationPlan['container'] {
  const there = bucket.containers.find((one) => one.backend === to.id && one.retiring !== true);
  if (there) return { name: there.container, exact: true };
  if (container !== undefined) return { name: container, exact: true };
  const isLegal = validateBucketName(bucket.name, to.vendor).valid;
  return { name: isLegal ? bucket.name : `${suggestBucketName(bucket.name)}-`, exact: isLegal };
}

/** Looks at every record of the bucket, in the index alone, and tells what a migration would move and what it could not. */
export async function planMigration(
  engine: Engine,
  context: OperationContext,
  ends: MigrationEnds,
): Promise<MigrationPlan> {
  const { bucket, from, to } = ends;
  const found = new Map<Kind, { objects: number; examples: { key: string; reason: string }[] }>();
  const sums = { objects: 0, bytes: 0, missing: 0 };
  for await (const { key, document } of everyKey(engine.index, bucket.id, context.signal)) {
    const record = document.current;
    if (record?.placement.backend !== from.id) continue;
    if (record.missing) sums.missing += 1;
    if (record.missing) continue;
    sums.objects += 1;
    sums.bytes += record.size;
    for (const [kind, reason] of objections(key, record, to.vendor)) {
      const obstacle = found.get(kind) ?? { objects: 0, examples: [] };
      obstacle.objects += 1;
      if (obstacle.examples.length < MAX_EXAMPLES) obstacle.examples.push({ key, reason });
      found.set(kind, obstacle);
    }
  }
  const obstacles = [...found].map(([kind, obstacle]) => ({ kind, ...obstacle }));
  return {
    bucket: bucket.name,
    source: from.name,
    destination: to.name,
    container: containerOf(ends),
    ...sums,
    obstacles,
  };
}
