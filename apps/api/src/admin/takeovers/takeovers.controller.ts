import { Controller, Inject, Param, Post, UseGuards } from '@nestjs/common';
import { ApiParam, ApiTags } from '@nestjs/swagger';
import type { Deployment } from '#libs/deployment';
import { AccessGuard } from '../../http/access.guard.js';
import type { Caller } from '../../http/caller.js';
import { Describe } from '../../http/describe.decorator.js';
import { AskedBy } from '../../http/parameters.js';
import { DEPLOYMENT } from '../../tokens.js';
import { jobView } from '../jobs/job-schemas.js';

const bucketParam = ApiParam({ name: 'bucket', description: 'Name of the bucket', example: 'my-first-bucket' });

/** Indexing what a container held when it was taken over, for administrators. */
@ApiTags('takeovers')
@Controller('admin/v1/buckets/:bucket')
@UseGuards(AccessGuard)
export class TakeoversController {
  constructor(@Inject(DEPLOYMENT) private readonly deployment: Deployment) {}

  @Post('adoption')
  @bucketParam
  @Describe({
    id: 'resumeAdoption',
    summary: 'Begin the indexing of an adopted container again, where its job failed or was cancelled',
    answer: { status: 202, description: 'Begun, or already under way', schema: jobView },
    refusals: [403, 404, 409],
  })
  adopt(@AskedBy() { context }: Caller, @Param('bucket') bucket: string) {
    return this.deployment.takeovers.resume(context, bucket);
  }
}
