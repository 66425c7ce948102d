import { validateBucketName, type BackendType } from '#libs/naming';
import { choosePlacement, findTierPolicy, type TierPolicy } from '#libs/tiering';
import { ControlPlaneError, type BucketDocument, type BucketId } from '#libs/metadata';
import { assertAdoptable, takeContainer, type AdoptedPlace } from '../adopting/take-container.js';
import type { Engine, KnownBackend, OperationContext } from '../engine.js';
import { ObjectsError } from '../errors.js';
import { makeContainer } from './containers.js';
import { eraseContainers, forgetBucket } from './delete-bucket.js';
import { changeBucket, requireBackend } from './open-bucket.js';

export interface CreateBucket {
  readonly name: string;
  /** As the caller believes the backend to be; must agree. */
  readonly type?: BackendType;
  /** Name of the backend; absent: chosen by the policy. */
  readonly backend?: string;
  readonly policy?: string;
  /** Take over this container, which is there already, instead of making one. The backend must be named. */
  readonly adopt?: Pick<AdoptedPlace, 'container' | 'versioning'>;
  /** Seal new objects before they go to the vendor. Absent: as the deployment does. */
  readonly encrypted?: boolean;
}

export interface CreatedBucket {
  readonly bucket: BucketDocument;
  readonly backend: KnownBackend;
  /** Why this backend, where the policy chose. */
  readonly reason?: string;
}

/**
 * Makes a bucket and its container, or takes one over (then also as `assertAdoptable` fails; the objects in it are to be indexed by `adoptBucket`). Everything that can be refused is refused before any vendor call (A2.4, A2.10); a failure at the vendor undoes what was done (A2.12).
 * Fails with `invalid-bucket-name` (each broken rule), `unknown-backend`, `unknown-tier`, `type-mismatch`, `bucket-exists`, `container-exists` or `backend-unavailable`.
 */
export async function createBucket(
  engine: Engine,
  context: OperationContext,
  wish: CreateBucket,
): Promise<CreatedBucket> {
  const policy = await findPolicy(engine, wish.policy);
  const { backend, reason } = await chooseBackend(engine, wish, policy);
  if (wish.type !== undefined && wish.type !== backend.type) {
    throw new ObjectsError('type-mismatch', `backend ${backend.name} is of type ${backend.type}, not ${wish.type}`);
  }
  assertBucketName(wish.name, backend);
  if (wish.adopt) await assertAdoptable(engine, context, { backendId: backend.id, ...wish.adopt });
  const reserved = await reserve(engine, context, wish, { backend, policy });
  const bucket = await build(engine, context, reserved, { backend, adopt: wish.adopt }).catch(
    async (error: unknown) => {
      await undo(engine, context, reserved.id, error);
      throw error;
    },
  );
  // From here on the bucket takes writes: a row that cannot be changed now is for the next repair, and undoes nothing.
  await engine.buckets.update(reserved.id, { state: 'active' });
  return { bucket, backend, ...(reason === undefined ? {} : { reason }) };
}

async function build(
  engine: Engine,
  context: OperationContext,
  reserved: BucketDocument,
  { backend, adopt }: { backend: KnownBackend; adopt: CreateBucket['adopt'] },
): Promise<BucketDocument> {
  if (adopt) {
    await takeContainer(engine, context, reserved, { backendId: backend.id, ...adopt });
    return changeBucket(engine, reserved.id, activated);
  }
  await makeContainer(engine, context, reserved, {
    backendId: backend.id,
    name: reserved.name,
    ...(backend.region === undefined ? {} : { region: backend.region }),
  });
  return changeBucket(engine, reserved.id, activated);
}

/** A repair that took this creation for dead has marked the bucket; a creator that only slept must not open it again. */
function activated(current: BucketDocument): BucketDocument {
  if (current.state !== 'creating')
    throw new ObjectsError('busy', 'the creation stood still for so long that it is being undone; try again', {
      retryAfterSeconds: 5,
    });
  return { ...current, state: 'active' };
}

function assertBucketName(name: string, backend: KnownBackend): void {
  const verdict = validateBucketName(name, backend.vendor);
  if (verdict.valid) return;
  throw new ObjectsError(
    'invalid-bucket-name',
    `${backend.vendor} does not allow the name "${name}": ${verdict.violations.map((v) => v.message).join('; ')}`,
    {
      facts: { vendor: backend.vendor, violations: verdict.violations },
    },
  );
}

async function findPolicy(engine: Engine, name: string | undefined): Promise<TierPolicy | undefined> {
  if (name === undefined) return undefined;
  const policies = await engine.policies();
  const policy = findTierPolicy(policies, name);
  if (!policy)
    throw new ObjectsError(
      'unknown-tier',
      `there is no tier policy "${name}"; there are: ${policies.map((p) => p.name).join(', ')}`,
    );
  return policy;
}

async function chooseBackend(
  engine: Engine,
  wish: CreateBucket,
  policy: TierPolicy | undefined,
): Promise<{ backend: KnownBackend; reason?: string }> {
  if (wish.backend !== undefined) return { backend: await requireBackend(engine, wish.backend) };
  if (!policy) throw new ObjectsError('invalid-request', 'name a backend, or a tier policy to choose one by');
  const known = (await engine.catalog.list()).filter(
    (backend) => wish.type === undefined || backend.type === wish.type,
  );
  const candidates = await Promise.all(
    known.map(async (backend) => ({
      ...backend,
      buckets: (await engine.buckets.list({ limit: 1000, backendId: backend.id })).items.length,
    })),
  );
  const choice = choosePlacement(policy, candidates);
  if ('refused' in choice) throw new ObjectsError('unknown-backend', choice.refused);
  return { backend: await requireBackend(engine, choice.chosen), reason: choice.reason };
}

/** The row reserves the name; the index's document, still `creating`, is where the container is recorded before it is made. */
async function reserve(
  engine: Engine,
  context: OperationContext,
  wish: CreateBucket,
  home: { backend: KnownBackend; policy: TierPolicy | undefined },
): Promise<BucketDocument> {
  const { backend, policy } = home;
  const common = {
    name: wish.name,
    state: 'creating' as const,
    ownerId: context.actor.userId,
    type: backend.type,
    ...(policy ? { policy: policy.name } : {}),
  };
  const row = await engine.buckets.create({ ...common, backendId: backend.id }).catch((error: unknown) => {
    if (error instanceof ControlPlaneError && error.kind === 'exists')
      throw new ObjectsError(
        'bucket-exists',
        `a bucket "${wish.name}" exists already; bucket names are unique over all users`,
        { cause: error },
      );
    throw error;
  });
  const bucket: BucketDocument = {
    ...common,
    id: row.id,
    createdAt: engine.clock.now(),
    home: backend.id,
    ...((wish.encrypted ?? engine.settings.encryptBuckets) ? { encrypted: true as const } : {}),
    containers: [],
  };
  const result = await engine.index.changeBucket(bucket.id, null, bucket);
  if (result !== 'changed') {
    await engine.buckets.delete(bucket.id);
    throw new ObjectsError('bucket-exists', `a bucket "${wish.name}" is being deleted; try again when it has gone`);
  }
  await engine.reach('bucket-reserved', wish.name);
  return bucket;
}

/** Takes back what a failed creation did. If that fails too, the reservation stays and the next repair undoes it. */
async function undo(engine: Engine, context: OperationContext, id: BucketId, why: unknown): Promise<void> {
  try {
    if (!(await engine.index.getBucket(id))) return;
    const going = await changeBucket(engine, id, (current) => ({ ...current, state: 'deleting' }));
    await eraseContainers(engine, context, going);
    await forgetBucket(engine, id);
  } catch (error) {
    throw new ObjectsError(
      'backend-unavailable',
      `bucket could be neither made nor unmade; its name stays reserved until the next repair`,
      {
        retryAfterSeconds: 60,
        cause: new AggregateError([why, error]),
      },
    );
  }
}
