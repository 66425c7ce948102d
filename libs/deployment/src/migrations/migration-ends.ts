import { z } from 'zod';
import { validateBucketName } from '#libs/naming';
import type { BucketDocument } from '#libs/metadata';
import {
  assertIndexed,
  openBucket,
  requireBackend,
  type Engine,
  type KnownBackend,
  type OperationContext,
} from '#libs/objects';
import { invalid } from '../errors.js';
import { readInput } from '../read-input.js';
import type { MigrationInput } from './migration-service.js';

const name = z.string({ error: 'expected a name' }).min(1, 'expected a name');
const MAX_RETENTION_SECONDS = 365 * 86_400;
const retention = `expected whole seconds, from 0 to ${MAX_RETENTION_SECONDS}`;

const outline = z.strictObject({
  bucket: name,
  destination: z.strictObject(
    { backend: name, container: name.optional() },
    { error: 'expected {"backend": …, "container": …}, the container only if you want to name it' },
  ),
  source: name.optional(),
  sourceRetention: z.int(retention).min(0, retention).max(MAX_RETENTION_SECONDS, retention).default(0),
});

/** A migration that makes sense: what moves from where to where. */
export interface MigrationEnds {
  readonly bucket: BucketDocument;
  readonly from: KnownBackend;
  readonly to: KnownBackend;
  /** As the operator named it. */
  readonly container: string | undefined;
  /** Seconds. */
  readonly sourceRetention: number;
}

function refuse(path: string, message: string): Error {
  return invalid('invalid-migration', 'the migration cannot be made so', [{ path, message }]);
}

/** Reads what a client sent. Fails with `invalid-migration`; with the domain's errors where bucket or backends are not there, or not the caller's. */
export async function readMigration(
  engine: Engine,
  context: OperationContext,
  input: MigrationInput,
): Promise<MigrationEnds> {
  const read = readInput(outline, input);
  if ('violations' in read) throw invalid('invalid-migration', 'the migration cannot be made so', read.violations);
  const { destination, source, sourceRetention } = read.data;
  const bucket = await openBucket(engine, context, read.data.bucket);
  assertIndexed(bucket);
  const to = await requireBackend(engine, destination.backend);
  const from = await sourceOf(engine, { bucket, to, named: source });
  if (destination.container !== undefined) assertContainerName(bucket, to, destination.container);
  return { bucket, from, to, container: destination.container, sourceRetention };
}

/** The home; or, where that is the destination already, the one other backend that a migration or a rule left objects on. */
async function sourceOf(
  engine: Engine,
  at: { bucket: BucketDocument; to: KnownBackend; named: string | undefined },
): Promise<KnownBackend> {
  const { bucket, to, named } = at;
  const registered = await engine.catalog.list();
  const others = registered.filter(({ id }) => id !== to.id && bucket.containers.some((one) => one.backend === id));
  const candidates = named === undefined ? others : others.filter((one) => one.name === named);
  const [only, another] = candidates;
  const home = candidates.find(({ id }) => id === bucket.home);
  if (home) return home;
  if (named !== undefined && only === undefined) {
    const there = others.map((one) => one.name).join(', ') || 'none';
    throw refuse(
      'source',
      `bucket ${bucket.name} has no container on "${named}" to be emptied; it has some on: ${there}`,
    );
  }
  if (only === undefined) throw refuse('destination.backend', `bucket ${bucket.name} lies on ${to.name} already`);
  if (another === undefined) return only;
  const choice = candidates.map((one) => one.name).join(', ');
  throw refuse(
    'source',
    `bucket ${bucket.name} is at home on ${to.name} already; name the backend to empty: ${choice}`,
  );
}

function assertContainerName(bucket: BucketDocument, to: KnownBackend, container: string): void {
  const path = 'destination.container';
  const there = bucket.containers.find((one) => one.backend === to.id && one.retiring !== true && one.marker !== '');
  if (there && there.container !== container) {
    throw refuse(path, `bucket ${bucket.name} has a container there already: ${there.container}`);
  }
  const { valid, violations } = validateBucketName(container, to.vendor);
  if (!valid) throw refuse(path, violations.map(({ message }) => message).join('; '));
}
