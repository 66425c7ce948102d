import { applyDecorators } from '@nestjs/common';
import { BucketParam } from '../../http/bucket-param.js';
import { Describe } from '../../http/describe.decorator.js';
import { pageQuery } from '../../http/parameters.js';
import { jobList } from './job-schemas.js';

/** Describes the route that lists the jobs of one type of a bucket, in pages, newest first. */
export function DescribeJobsOfBucket(id: string, summary: string): MethodDecorator {
  const answer = { description: 'A page', schema: jobList };
  return applyDecorators(BucketParam, Describe({ id, summary, query: pageQuery, answer, refusals: [400, 403, 404] }));
}
