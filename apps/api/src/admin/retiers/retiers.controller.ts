import { Controller, Get, Inject, Param, Post, Put, UseGuards } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import type { Deployment } from '#libs/deployment';
import { ChangesNoConfiguration } from '../../audit/audited.decorator.js';
import { AccessGuard, ForUsers } from '../../http/access.guard.js';
import { BucketParam } from '../../http/bucket-param.js';
import type { Caller } from '../../http/caller.js';
import { Describe } from '../../http/describe.decorator.js';
import { AskedBy, JsonBody, pageOf, pageQuery, QueryOf, shownPage } from '../../http/parameters.js';
import { DEPLOYMENT } from '../../tokens.js';
import { jobView } from '../jobs/job-schemas.js';
import { DescribeJobsOfBucket } from '../jobs/jobs-of-bucket.decorator.js';
import { bucketPolicyInput, bucketPolicyView, retierPreview, retierPreviewInput } from './retier-schemas.js';

/** The tier policy of a bucket, and bringing its objects over to what that means: for its owner, and for administrators. */
@ApiTags('tiers')
@Controller('admin/v1/buckets/:bucket')
@UseGuards(AccessGuard)
@ForUsers()
export class RetiersController {
  constructor(@Inject(DEPLOYMENT) private readonly deployment: Deployment) {}

  @Get('policy')
  @BucketParam
  @Describe({
    id: 'getBucketPolicy',
    summary: 'Read the tier policy of a bucket',
    answer: { description: 'Its name', schema: bucketPolicyView },
    refusals: [403, 404],
  })
  get(@AskedBy() { context }: Caller, @Param('bucket') bucket: string) {
    return this.deployment.retiers.policyOf(context, bucket);
  }

  @Put('policy')
  @BucketParam
  @Describe({
    id: 'putBucketPolicy',
    summary: 'Give a bucket another tier policy',
    description:
      'Holds for what is written from then on; no object is moved. A retier brings those over that are there.',
    body: { schema: bucketPolicyInput, example: { policy: 'Silver' } },
    answer: { description: 'As it is now', schema: bucketPolicyView },
    refusals: [400, 403, 404, 413],
  })
  put(
    @AskedBy() { context }: Caller,
    @Param('bucket') bucket: string,
    @JsonBody(bucketPolicyInput) { policy }: z.output<typeof bucketPolicyInput>,
  ) {
    return this.deployment.retiers.setPolicy(context, bucket, policy);
  }

  @Post('retier/preview')
  @BucketParam
  @ChangesNoConfiguration()
  @Describe({
    id: 'previewRetier',
    summary: 'Say what a retier would do now, or would if the policy were another',
    description: 'Looks at the index for some seconds at most; `next` of the answer is `after` of the next request.',
    body: { schema: retierPreviewInput, example: { policy: 'Silver' }, required: false },
    answer: { description: 'What would be done; nothing was', schema: retierPreview },
    refusals: [400, 403, 404, 413],
  })
  preview(
    @AskedBy() { context }: Caller,
    @Param('bucket') bucket: string,
    @JsonBody(retierPreviewInput) { policy, classes, after }: z.output<typeof retierPreviewInput>,
  ) {
    return this.deployment.retiers.preview(context, bucket, {
      ...(policy === undefined ? {} : { policy }),
      ...(classes === undefined ? {} : { classes }),
      ...(after === undefined ? {} : { after }),
    });
  }

  @Post('retier')
  @BucketParam
  @Describe({
    id: 'retierBucket',
    summary: 'Bring the objects of a bucket over to what its tier policy means now',
    answer: {
      status: 202,
      description: 'Begun, or already under way; `report` of the job says what is left alone',
      schema: jobView,
    },
    refusals: [400, 403, 404, 409],
  })
  begin(@AskedBy() { context }: Caller, @Param('bucket') bucket: string) {
    return this.deployment.retiers.begin(context, bucket);
  }

  @Get('retier')
  @DescribeJobsOfBucket('listRetiers', 'List the retiers of a bucket, newest first')
  async runs(
    @AskedBy() { context }: Caller,
    @Param('bucket') bucket: string,
    @QueryOf(pageQuery) query: z.output<typeof pageQuery>,
  ) {
    return shownPage(await this.deployment.retiers.runs(context, bucket, pageOf(query)), (run) => run);
  }
}
