import { Controller, Get, Inject, Param, Post, Put, UseGuards } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import type { Deployment } from '#libs/deployment';
import { encryptBucket, openBucket } from '#libs/objects';
import { bucketEncryption } from '../../buckets/bucket-schemas.js';
import { AccessGuard, ForUsers } from '../../http/access.guard.js';
import { BucketParam } from '../../http/bucket-param.js';
import type { Caller } from '../../http/caller.js';
import { Describe } from '../../http/describe.decorator.js';
import { AskedBy, JsonBody, pageOf, pageQuery, QueryOf, shownPage } from '../../http/parameters.js';
import { DEPLOYMENT } from '../../tokens.js';
import { jobView } from '../jobs/job-schemas.js';
import { DescribeJobsOfBucket } from '../jobs/jobs-of-bucket.decorator.js';

type Encryption = z.output<typeof bucketEncryption>;

/** Whether a bucket's new objects are encrypted: for its owner, and for administrators. */
@ApiTags('encryption')
@Controller('admin/v1/buckets/:bucket/encryption')
@UseGuards(AccessGuard)
@ForUsers()
export class BucketEncryptionController {
  constructor(@Inject(DEPLOYMENT) private readonly deployment: Deployment) {}

  @Get()
  @BucketParam
  @Describe({
    id: 'getBucketEncryption',
    summary: 'Read whether the new objects of a bucket are encrypted',
    answer: { description: 'Whether they are', schema: bucketEncryption },
    refusals: [403, 404],
  })
  async get(@AskedBy() { context }: Caller, @Param('bucket') name: string): Promise<Encryption> {
    const bucket = await openBucket(this.deployment.engine, context, name);
    return { enabled: bucket.encrypted ?? false };
  }

  @Put()
  @BucketParam
  @Describe({
    id: 'putBucketEncryption',
    summary: 'Say whether the new objects of a bucket are encrypted',
    description: 'Objects that are there already stay as they are; `POST …/runs` begins the job that encrypts them.',
    body: { schema: bucketEncryption, example: { enabled: true } },
    answer: { description: 'As it is now', schema: bucketEncryption },
    refusals: [400, 403, 404, 413],
  })
  async put(
    @AskedBy() { context }: Caller,
    @Param('bucket') name: string,
    @JsonBody(bucketEncryption) { enabled }: Encryption,
  ): Promise<Encryption> {
    const { engine } = this.deployment;
    const bucket = await encryptBucket(engine, await openBucket(engine, context, name), enabled);
    return { enabled: bucket.encrypted ?? false };
  }

  @Post('runs')
  @BucketParam
  @Describe({
    id: 'encryptBucket',
    summary: 'Encrypt what lies in an encrypted bucket and is not encrypted yet',
    description:
      'Writes each such object anew where it lies. Archived ones, which cannot be read, are left alone and named.',
    answer: { status: 202, description: 'Begun, or already under way', schema: jobView },
    refusals: [403, 404, 409],
  })
  run(@AskedBy() { context }: Caller, @Param('bucket') name: string) {
    return this.deployment.encryption.encryptExisting(context, name);
  }

  @Get('runs')
  @DescribeJobsOfBucket('listEncryptions', 'List those jobs of a bucket, newest first')
  async runs(
    @AskedBy() { context }: Caller,
    @Param('bucket') name: string,
    @QueryOf(pageQuery) query: z.output<typeof pageQuery>,
  ) {
    return shownPage(await this.deployment.encryption.encryptions(context, name, pageOf(query)), (run) => run);
  }
}
