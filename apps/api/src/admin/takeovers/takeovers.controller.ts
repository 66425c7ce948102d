import { Controller, Inject, Param, Post, UseGuards } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Deployment } from '#libs/deployment';
import { AccessGuard } from '../../http/access.guard.js';
import { BucketParam } from '../../http/bucket-param.js';
import type { Caller } from '../../http/caller.js';
import { Describe } from '../../http/describe.decorator.js';
import { AskedBy } from '../../http/parameters.js';
import { DEPLOYMENT } from '../../tokens.js';
import { jobView } from '../jobs/job-schemas.js';

/** Bringing the index in line with what others wrote at the vendor, for administrators. */
@ApiTags('takeovers')
@Controller('admin/v1/buckets/:bucket')
@UseGuards(AccessGuard)
export class TakeoversController {
  constructor(@Inject(DEPLOYMENT) private readonly deployment: Deployment) {}

  @Post('adoption')
  @BucketParam
  @Describe({
    id: 'resumeAdoption',
    summary: 'Begin the indexing of an adopted container again, where its job failed or was cancelled',
    answer: { status: 202, description: 'Begun, or already under way', schema: jobView },
    refusals: [403, 404, 409],
  })
  adopt(@AskedBy() { context }: Caller, @Param('bucket') bucket: string) {
    return this.deployment.takeovers.resume(context, bucket);
  }

  @Post('reconcile')
  @BucketParam
  @Describe({
    id: 'reconcileBucket',
    summary: "Compare a bucket's index with what its vendors list, and heal what was changed outside",
    description: 'Deletes no bytes that Spumoni did not write; what is missing is marked, and its record stays.',
    answer: {
      status: 202,
      description: 'Begun, or already under way; `report` of the job says what was found',
      schema: jobView,
    },
    refusals: [403, 404, 409],
  })
  reconcile(@AskedBy() { context }: Caller, @Param('bucket') bucket: string) {
    return this.deployment.takeovers.reconcile(context, bucket);
  }
}
