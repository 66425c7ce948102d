import { ApiParam } from '@nestjs/swagger';

/** Describes the bucket in a route's path. */
export const BucketParam = ApiParam({ name: 'bucket', description: 'Name of the bucket', example: 'my-first-bucket' });
