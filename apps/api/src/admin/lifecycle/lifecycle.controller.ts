import { Controller, Delete, Get, Inject, Param, Post, Put, UseGuards } from '@nestjs/common';
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
import { jsonObject } from '../json-object.js';
import { lifecycleInput, lifecyclePreview, lifecyclePut, lifecycleView } from './lifecycle-schemas.js';

const example = { rules: [{ id: 'old-logs', enabled: true, filter: { prefix: 'logs/' }, expiration: { days: 30 } }] };
type Json = z.output<typeof jsonObject>;

/** Lifecycle rules of buckets: one's own for everybody, all for administrators. */
@ApiTags('moves')
@Controller('admin/v1/buckets/:bucket/lifecycle')
@UseGuards(AccessGuard)
@ForUsers()
export class LifecycleController {
  constructor(@Inject(DEPLOYMENT) private readonly deployment: Deployment) {}

  @Get()
  @BucketParam
  @Describe({
    id: 'getLifecycle',
    summary: 'Read the lifecycle rules of a bucket',
    answer: { description: 'The rules', schema: lifecycleView },
    refusals: [403, 404],
  })
  get(@AskedBy() { context }: Caller, @Param('bucket') bucket: string) {
    return this.deployment.lifecycles.get(context, bucket);
  }

  @Put()
  @BucketParam
  @Describe({
    id: 'putLifecycle',
    summary: 'Replace the lifecycle rules of a bucket',
    body: { schema: lifecycleInput, example },
    answer: { description: 'As they are now, with warnings', schema: lifecyclePut },
    refusals: [400, 403, 404, 413],
  })
  async put(@AskedBy() { context }: Caller, @Param('bucket') bucket: string, @JsonBody(jsonObject) body: Json) {
    const { lifecycle, warnings } = await this.deployment.lifecycles.put(context, bucket, body);
    return { ...lifecycle, warnings };
  }

  @Delete()
  @BucketParam
  @Describe({
    id: 'removeLifecycle',
    summary: 'Remove the lifecycle rules of a bucket',
    answer: { status: 204, description: 'Removed' },
    refusals: [403, 404],
  })
  async remove(@AskedBy() { context }: Caller, @Param('bucket') bucket: string): Promise<void> {
    await this.deployment.lifecycles.remove(context, bucket);
  }

  @Post('preview')
  @BucketParam
  @ChangesNoConfiguration()
  @Describe({
    id: 'previewLifecycle',
    summary: 'Say what a run would do now: by the rules that are kept, or by those given',
    body: { schema: lifecycleInput.partial(), example, required: false },
    answer: { description: 'What would be done; nothing was', schema: lifecyclePreview },
    refusals: [400, 403, 404, 413],
  })
  preview(@AskedBy() { context }: Caller, @Param('bucket') bucket: string, @JsonBody(jsonObject) body: Json) {
    const given = body['rules'] === undefined ? undefined : { rules: body['rules'] };
    return this.deployment.lifecycles.preview(context, bucket, given);
  }

  @Post('runs')
  @BucketParam
  @Describe({
    id: 'runLifecycle',
    summary: 'Carry the rules out at once',
    answer: { status: 202, description: 'Begun, or already under way', schema: jobView },
    refusals: [403, 404],
  })
  run(@AskedBy() { context }: Caller, @Param('bucket') bucket: string) {
    return this.deployment.lifecycles.run(context, bucket);
  }

  @Get('runs')
  @DescribeJobsOfBucket('listLifecycleRuns', 'List the runs of a bucket, newest first')
  async runs(
    @AskedBy() { context }: Caller,
    @Param('bucket') bucket: string,
    @QueryOf(pageQuery) query: z.output<typeof pageQuery>,
  ) {
    return shownPage(await this.deployment.lifecycles.runs(context, bucket, pageOf(query)), (run) => run);
  }
}
