import { Controller, Get, Inject, Param, Put, UseGuards } from '@nestjs/common';
import { ApiParam, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { Deployment } from '#libs/deployment';
import { AccessGuard, ForUsers } from '../../http/access.guard.js';
import { BucketParam } from '../../http/bucket-param.js';
import type { Caller } from '../../http/caller.js';
import { Describe } from '../../http/describe.decorator.js';
import { AskedBy, JsonBody } from '../../http/parameters.js';
import { component } from '../../http/schemas.js';
import { DEPLOYMENT } from '../../tokens.js';
import { jsonObject } from '../json-object.js';
import { findUser } from '../users/find-user.js';

const limits = {
  requestsPerSecond: z.number().min(1).max(1e6).optional().describe('As many at once as in a second'),
  bytesPerSecond: z.number().min(1).max(1e12).optional().describe('Of content, up and down together'),
  objects: z.number().int().min(0).optional().describe('Objects stored'),
  bytes: z.number().int().min(0).optional().describe('Bytes stored'),
};
const limitsInput = component('LimitsInput', z.strictObject(limits));
const limitsView = component(
  'Limits',
  z.object({
    ...limits,
    usage: z
      .object({ objects: z.number().int(), bytes: z.number().int() })
      .optional()
      .describe('What counts against the quotas, where there are any'),
  }),
);
const userParam = ApiParam({ name: 'user', description: 'Name or id of the user', example: 'root' });
const description =
  'All are replaced; what is left out is not limited, and `{}` lifts all. Takes hold within a second.';
type Json = z.output<typeof jsonObject>;

/** Rates and quotas: set by administrators, read by whom they bind. */
@ApiTags('limits')
@Controller('admin/v1')
@UseGuards(AccessGuard)
export class LimitsController {
  constructor(@Inject(DEPLOYMENT) private readonly deployment: Deployment) {}

  @Get('buckets/:bucket/limits')
  @BucketParam
  @ForUsers()
  @Describe({
    id: 'getBucketLimits',
    summary: 'Read the limits of a bucket, and what counts against its quotas',
    answer: { description: 'The limits', schema: limitsView },
    refusals: [403, 404],
  })
  ofBucket(@AskedBy() { context }: Caller, @Param('bucket') bucket: string) {
    return this.deployment.limits.ofBucket(context, bucket);
  }

  @Put('buckets/:bucket/limits')
  @BucketParam
  @Describe({
    id: 'putBucketLimits',
    summary: 'Limit requests, bytes and what is stored in a bucket',
    description,
    body: { schema: limitsInput, example: { requestsPerSecond: 100, objects: 1_000_000, bytes: 1_000_000_000_000 } },
    answer: { description: 'As they are now', schema: limitsView },
    refusals: [400, 403, 404, 413],
  })
  setOfBucket(@AskedBy() { context }: Caller, @Param('bucket') bucket: string, @JsonBody(jsonObject) body: Json) {
    return this.deployment.limits.setOfBucket(context, bucket, body);
  }

  @Get('users/:user/limits')
  @userParam
  @Describe({
    id: 'getUserLimits',
    summary: 'Read the limits of a user, and what counts against the quotas',
    answer: { description: 'The limits', schema: limitsView },
    refusals: [403, 404],
  })
  async ofUser(@Param('user') user: string) {
    return this.deployment.limits.ofUser((await findUser(this.deployment, user)).id);
  }

  @Put('users/:user/limits')
  @userParam
  @Describe({
    id: 'putUserLimits',
    summary: 'Limit requests and bytes of a user, and what is stored in all buckets of theirs',
    description,
    body: { schema: limitsInput, example: { requestsPerSecond: 500, bytes: 5_000_000_000_000 } },
    answer: { description: 'As they are now', schema: limitsView },
    refusals: [400, 403, 404, 413],
  })
  async setOfUser(@Param('user') user: string, @JsonBody(jsonObject) body: Json) {
    return this.deployment.limits.setOfUser((await findUser(this.deployment, user)).id, body);
  }
}
