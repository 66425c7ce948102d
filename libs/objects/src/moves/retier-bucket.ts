import type { BucketDocument, ObjectRecord } from '#libs/metadata';
import {
  findTierPolicy,
  judgeRetier,
  type LifecycleRule,
  type RetierSubject,
  type RuleReading,
  type TierPolicy,
} from '#libs/tiering';
import { requireBucket } from '../buckets/open-bucket.js';
import type { Engine, KnownBackend, OperationContext } from '../engine.js';
import { ObjectsError } from '../errors.js';
import { restampObject } from '../writing/restamp-object.js';
import { changeEach, type BucketRun } from './change-each.js';
import type { JobEnd } from './job-reporter.js';
import { lifecycleContext, subjectOf } from './run-lifecycle.js';

/** A bucket to retier. */
export interface RetierBucket extends BucketRun {
  /** Its lifecycle rules. */
  readonly rules?: readonly LifecycleRule[];
}

/**
 * Brings the objects of a bucket over to what its tier policy means now: each changes its class where it lies. Objects whose tier or class was chosen for themselves or by a rule, and archived ones that would need
 * a restore first, are left alone and named in the report (`own`, `archived`). The policy is the one that holds when the run begins or goes on.
 */
export async function retierBucket(engine: Engine, context: OperationContext, run: RetierBucket): Promise<JobEnd> {
  const { value: bucket } = await requireBucket(engine, run.bucketId);
  const policy = policyOf(bucket, await engine.policies());
  const known = await engine.catalog.list();
  const backends = new Map(known.map((backend) => [backend.id, backend]));
  const reading = await ruleReading(engine, { bucket, policy, backends: known, rules: run.rules ?? [] });
  return changeEach<'own' | 'archived'>(engine, context, {
    ...run,
    change: {
      failure:
        'some objects could not be retiered; each is listed with its reason and stays readable as it is; start again to try them again',
      judge: (key, record) => {
        const backend = backends.get(record.placement.backend);
        if (!backend) return 'none';
        const { kind } = judgeRetier(retierSubject(key, record, backend), policy, reading);
        if (kind === 'own' || kind === 'archived') return { left: kind };
        return kind === 'as-meant' ? 'none' : 'due';
      },
      change: async ({ bucket: newest, key, guard }) => {
        await restampObject(engine, context, { bucket: newest, key, guard, asBucket: true });
      },
    },
  });
}

/** The policy of a bucket; `unknown-tier` where it has none, so that nothing says what its objects should be. */
export function policyOf(bucket: BucketDocument, policies: readonly TierPolicy[]): TierPolicy {
  const policy = bucket.policy === undefined ? undefined : findTierPolicy(policies, bucket.policy);
  if (policy) return policy;
  throw new ObjectsError('unknown-tier', `bucket ${bucket.name} has no tier policy; give it one first`);
}

/** The rules as of now, with this policy as it is or would be. */
export async function ruleReading(
  engine: Engine,
  of: {
    readonly bucket: BucketDocument;
    readonly policy: TierPolicy;
    readonly backends: readonly KnownBackend[];
    readonly rules: readonly LifecycleRule[];
  },
): Promise<RuleReading> {
  const context = await lifecycleContext(engine, of.bucket, of.backends);
  const policies = [of.policy, ...context.policies.filter(({ name }) => name !== of.policy.name)];
  return { rules: of.rules, now: new Date(engine.clock.now()), context: { ...context, policies } };
}

/** A record as retiering judges it. */
export function retierSubject(key: string, record: ObjectRecord, backend: KnownBackend): RetierSubject {
  return { ...subjectOf(key, record, backend), ownTier: record.ownTier ?? false };
}
