import { z } from 'zod';
import type { BucketId, ControlPlane, LimitedSubject, LoadLimits } from '#libs/metadata';
import { openBucket, type Engine, type OperationContext } from '#libs/objects';
import { invalid } from '../errors.js';
import { readInput } from '../read-input.js';
import type { CountedQuotas } from './counted-quotas.js';
import type { LimitsService, LimitsView } from './limits-service.js';

const rate = (most: number) =>
  z.number({ error: 'expected a number' }).min(1, 'expected at least 1').max(most, `expected at most ${most}`);
const whole = z.int({ error: 'expected a whole number' }).min(0, 'expected at least 0');

const outline = z.strictObject({
  requestsPerSecond: rate(1e6).optional(),
  bytesPerSecond: rate(1e12).optional(),
  objects: whole.optional(),
  bytes: whole.optional(),
});

/** Limits of the control plane: see the port. */
export class StoredLimits implements LimitsService {
  constructor(
    private readonly parts: {
      readonly controlPlane: ControlPlane;
      readonly engine: Engine;
      readonly quotas: CountedQuotas;
    },
  ) {}

  async ofBucket(context: OperationContext, name: string): Promise<LimitsView> {
    const bucket = await openBucket(this.parts.engine, context, name);
    return this.#view({ bucketId: bucket.id }, () => this.parts.quotas.usageOf(bucket, 'bucket'));
  }

  async setOfBucket(context: OperationContext, name: string, input: unknown): Promise<LimitsView> {
    const limits = readLimits(input);
    const bucket = await openBucket(this.parts.engine, context, name);
    await this.#put({ bucketId: bucket.id }, limits);
    return this.ofBucket(context, name);
  }

  ofUser(userId: string): Promise<LimitsView> {
    return this.#view({ userId }, () => this.parts.quotas.usageOf({ id: '' as BucketId, ownerId: userId }, 'user'));
  }

  async setOfUser(userId: string, input: unknown): Promise<LimitsView> {
    await this.#put({ userId }, readLimits(input));
    return this.ofUser(userId);
  }

  async #put(subject: LimitedSubject, limits: LoadLimits): Promise<void> {
    const { controlPlane } = this.parts;
    await controlPlane.limits.put(subject, limits);
    controlPlane.configuration.invalidate();
    // The quotas that are shown next look at the newest configuration.
    await controlPlane.configuration.current();
  }

  async #view(subject: LimitedSubject, usage: () => Promise<{ objects: number; bytes: number }>): Promise<LimitsView> {
    const found = await this.parts.controlPlane.limits.find(subject);
    if (!found) return {};
    const { subject: _, updatedAt: __, ...limits } = found;
    const isQuota = limits.objects !== undefined || limits.bytes !== undefined;
    return { ...limits, ...(isQuota ? { usage: await usage() } : {}) };
  }
}

function readLimits(input: unknown): LoadLimits {
  const read = readInput(outline, input);
  if ('data' in read)
    return Object.fromEntries(Object.entries(read.data).filter(([, value]) => (value as unknown) !== undefined));
  throw invalid('invalid-limits', 'the limits are not right', read.violations);
}
