import {
  isControlPlaneError,
  type BucketDocument,
  type ControlPlane,
  type Page,
  type PageRequest,
  type TierPolicyRecord,
} from '#libs/metadata';
import {
  assertIndexed,
  changeBucket,
  ObjectsError,
  openBucket,
  policyOf,
  type Engine,
  type OperationContext,
} from '#libs/objects';
import { findTierPolicy, validateTierPolicy, type TierPolicy } from '#libs/tiering';
import { DeploymentError, invalid } from '../errors.js';
import { BucketJobs } from '../jobs/bucket-jobs.js';
import type { JobCarrier } from '../jobs/job-carrier.js';
import type { JobView } from '../jobs/job-service.js';
import { rulesOfBucket } from '../lifecycles/stored-lifecycles.js';
import { previewRetier } from './preview-retier.js';
import type { BucketPolicyView, RetierPreview, RetierService } from './retier-service.js';

/** What the service works with. */
export interface StoredRetiersDependencies {
  readonly controlPlane: ControlPlane;
  readonly engine: Engine;
  readonly queue: JobCarrier;
  /** How long a preview may look, in milliseconds; 10 s if absent. */
  readonly previewMs?: number;
}

const PREVIEW_MS = 10_000;

type Classes = Readonly<Record<string, string>>;

/** Policies of buckets, and retiers as jobs of the control plane: see the port. */
export class StoredRetiers implements RetierService {
  readonly #jobs: BucketJobs;

  constructor(private readonly dependencies: StoredRetiersDependencies) {
    const { controlPlane, engine, queue } = dependencies;
    this.#jobs = new BucketJobs('retier', { controlPlane, index: engine.index, queue });
  }

  async policyOf(context: OperationContext, name: string): Promise<BucketPolicyView> {
    const bucket = await openBucket(this.dependencies.engine, context, name);
    return { bucket: bucket.name, policy: bucket.policy ?? null };
  }

  /** The row first: from then on the new tier cannot be deleted. What a crash leaves between the two, the repair of buckets settles by the document. */
  async setPolicy(context: OperationContext, name: string, wished: string): Promise<BucketPolicyView> {
    const { engine, controlPlane } = this.dependencies;
    const bucket = await openBucket(engine, context, name);
    const { name: policy } = await this.#known(wished);
    await controlPlane.buckets.update(bucket.id, { policy }).catch((error: unknown) => {
      if (!isControlPlaneError(error, 'not-found')) throw error;
      throw new ObjectsError('unknown-tier', `bucket ${name} or tier policy ${policy} has just gone`, { cause: error });
    });
    const changed = await changeBucket(engine, bucket.id, (current) =>
      current.policy === policy ? undefined : { ...current, policy },
    );
    return { bucket: changed.name, policy: changed.policy ?? null };
  }

  async preview(
    context: OperationContext,
    name: string,
    as: { readonly policy?: string; readonly classes?: Classes; readonly after?: string } = {},
  ): Promise<RetierPreview> {
    const { engine, controlPlane } = this.dependencies;
    const bucket = await openBucket(engine, context, name);
    const policies = await engine.policies();
    const policy = as.policy === undefined ? policyOf(bucket, policies) : await this.#known(as.policy);
    return previewRetier(engine, context, {
      bucket,
      policy: withClasses(policy, as.classes),
      rules: await rulesOfBucket(controlPlane, bucket.id),
      until: this.#until(),
      ...(as.after === undefined ? {} : { after: as.after }),
    });
  }

  async begin(context: OperationContext, name: string): Promise<JobView> {
    const { engine } = this.dependencies;
    const bucket = await openBucket(engine, context, name);
    policyOf(bucket, await engine.policies());
    assertIndexed(bucket);
    return this.#jobs.begin(bucket.id, context.actor.userId);
  }

  async runs(context: OperationContext, name: string, page: PageRequest): Promise<Page<JobView>> {
    const bucket = await openBucket(this.dependencies.engine, context, name);
    return this.#jobs.list(bucket.id, page);
  }

  async previewTier(
    context: OperationContext,
    name: string,
    { classes, ...page }: PageRequest & { readonly classes?: Classes },
  ): Promise<Page<RetierPreview>> {
    const { engine, controlPlane } = this.dependencies;
    const tier = await this.#require(name);
    const policy = withClasses(tier, classes);
    const until = this.#until();
    const { buckets, next } = await this.#bucketsOf(tier.name, page);
    const items: RetierPreview[] = [];
    for (const bucket of buckets) {
      const rules = await rulesOfBucket(controlPlane, bucket.id);
      const preview = await previewRetier(engine, context, { bucket, policy, rules, until });
      items.push(preview);
      const isLast = bucket === buckets.at(-1);
      if (engine.clock.monotonic() >= until && !isLast) return { items, next: bucket.name };
    }
    return next === undefined ? { items } : { items, next };
  }

  async beginTier(context: OperationContext, name: string, page: PageRequest): Promise<Page<JobView>> {
    const { buckets, next } = await this.#bucketsOf((await this.#require(name)).name, page);
    const items: JobView[] = [];
    for (const bucket of buckets) items.push(await this.#jobs.begin(bucket.id, context.actor.userId));
    return next === undefined ? { items } : { items, next };
  }

  #until(): number {
    const { engine, previewMs = PREVIEW_MS } = this.dependencies;
    return engine.clock.monotonic() + previewMs;
  }

  /** Those of a page of rows that are open to work; one that is just being made has no objects, and one that goes needs none. */
  async #bucketsOf(policy: string, page: PageRequest): Promise<{ buckets: BucketDocument[]; next?: string }> {
    const { controlPlane, engine } = this.dependencies;
    const { items, next } = await controlPlane.buckets.list({ ...page, policy });
    const active = items.filter(({ state }) => state === 'active');
    const found = await Promise.all(active.map(({ id }) => engine.index.getBucket(id)));
    const buckets = found.flatMap((bucket) => (bucket ? [bucket.value] : []));
    return { buckets, ...(next === undefined ? {} : { next }) };
  }

  async #known(name: string): Promise<TierPolicy> {
    const { tiers } = await this.dependencies.controlPlane.configuration.current();
    const found = findTierPolicy(tiers, name);
    if (found) return found;
    const there = tiers.map((tier) => tier.name).join(', ') || 'none';
    throw new ObjectsError('unknown-tier', `there is no tier policy "${name}"; there are: ${there}`);
  }

  async #require(name: string): Promise<TierPolicyRecord> {
    return (await this.dependencies.controlPlane.tiers.find(name)) ?? noSuch(name);
  }
}

function noSuch(name: string): never {
  throw new DeploymentError('no-such-tier', `there is no tier policy "${name}"`);
}

/** The policy as it would be with these classes; `invalid-tier` names each that its vendor does not have. */
function withClasses(policy: TierPolicy, classes: Classes | undefined): TierPolicy {
  if (classes === undefined) return policy;
  const { name, description, attributes, backends } = policy;
  const verdict = validateTierPolicy({ name, description, attributes, backends, classes });
  if ('policy' in verdict) return verdict.policy;
  const violations = verdict.violations.map(({ field, message }) => ({ path: field, message }));
  throw invalid('invalid-tier', `tier policy ${JSON.stringify(name)}`, violations);
}
