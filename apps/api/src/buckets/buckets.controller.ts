import { Controller, Delete, Get, Head, Inject, Param, Post, Put, Res, UseGuards } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Deployment } from '#libs/deployment';
import { createBucket, deleteBucket, listObjects, openBucket } from '#libs/objects';
import { ChangesNoConfiguration } from '../audit/audited.decorator.js';
import { AccessGuard, ForUsers } from '../http/access.guard.js';
import { BucketParam } from '../http/bucket-param.js';
import type { Caller } from '../http/caller.js';
import { Describe } from '../http/describe.decorator.js';
import { AskedBy, JsonBody, pageOf, pageLimit, pageQuery, QueryOf } from '../http/parameters.js';
import { RequestError } from '../http/request-error.js';
import { backendName, backendNames, shownObject } from '../objects/object-request.js';
import { removeKeys } from '../objects/remove-many.js';
import { DEPLOYMENT } from '../tokens.js';
import { BucketPresenter } from './bucket-presenter.js';
import * as schemas from './bucket-schemas.js';

const listPage = pageQuery.extend({ limit: pageLimit(1000) });

/** `/v1`: buckets, as SODA's users know them. Objects are served by `ObjectEndpoint`. */
@ApiTags('buckets')
@Controller('v1')
@UseGuards(AccessGuard)
@ForUsers()
export class BucketsController {
  constructor(
    @Inject(DEPLOYMENT) private readonly deployment: Deployment,
    private readonly presenter: BucketPresenter,
  ) {}

  @Get('')
  @Describe({
    id: 'listBuckets',
    summary: 'List buckets: your own, or all for an administrator',
    query: listPage,
    answer: { description: 'The buckets, by name', schema: schemas.bucketList },
    refusals: [400],
  })
  async list(@AskedBy() caller: Caller, @QueryOf(listPage) query: z.output<typeof listPage>) {
    const { actor } = caller.context;
    const { limit, after } = pageOf(query);
    const found = await this.deployment.engine.index.listBuckets({
      limit,
      ...(after === undefined ? {} : { after }),
      ...(actor.isAdmin ? {} : { ownerId: actor.userId }),
    });
    const made = found.filter((bucket) => bucket.state !== 'creating');
    const buckets = await Promise.all(made.map((bucket) => this.presenter.item(bucket)));
    return { buckets, next: found.length === limit ? (found.at(-1)?.name ?? null) : null };
  }

  @Put(':bucket')
  @BucketParam
  @Describe({
    id: 'createBucket',
    summary: "Create a bucket, and its container at the vendor's; or take over a container that is there",
    body: {
      schema: schemas.bucketCreation,
      example: { type: 'filesystem', name: 'my-first-bucket', backend: 'local' },
    },
    answer: {
      description: 'Made, here and at the vendor; an adopted one is being indexed by a job',
      schema: schemas.bucketCreated,
    },
    refusals: [400, 403, 409, 413, 422],
  })
  async create(
    @AskedBy() caller: Caller,
    @Param('bucket') name: string,
    @JsonBody(schemas.bucketCreation) body: z.output<typeof schemas.bucketCreation>,
  ) {
    const { type, backend, policy, encryption } = body;
    if (body.name !== undefined && body.name !== name)
      throw new RequestError('invalid-request', `the body names "${body.name}", the path "${name}"; they must agree`);
    const wish = {
      name,
      ...(type === undefined ? {} : { type: type === 'gcp' ? ('gcs' as const) : type }),
      ...(backend === undefined ? {} : { backend }),
      ...(policy === undefined ? {} : { policy }),
      ...(encryption === undefined ? {} : { encrypted: encryption.enabled }),
    };
    const created = body.adopt
      ? await this.deployment.takeovers.adopt(caller.context, { ...wish, adopt: adoptOf(body.adopt) })
      : await createBucket(this.deployment.engine, caller.context, wish);
    return {
      returnCode: 200,
      message: 'Successfully Created!',
      bucket: await this.presenter.view(created.bucket),
      ...(created.reason === undefined ? {} : { reason: created.reason }),
    };
  }

  @Delete(':bucket')
  @BucketParam
  @Describe({
    id: 'deleteBucket',
    summary: 'Delete an empty bucket, and its container; detach an adopted one',
    description:
      'An adopted container stays, with all objects in it: they are forgotten here, and can be adopted again.',
    query: z.strictObject({}),
    answer: { description: 'Gone, here and at the vendor; the name is free', schema: schemas.bucketDeleted },
    refusals: [400, 403, 404, 409],
  })
  async remove(
    @AskedBy() caller: Caller,
    @Param('bucket') name: string,
    @QueryOf(z.strictObject({})) _: unknown,
  ): Promise<z.output<typeof schemas.bucketDeleted>> {
    const bucket = await openBucket(this.deployment.engine, caller.context, name);
    await deleteBucket(this.deployment.engine, caller.context, bucket.id);
    return { returnCode: 204, message: 'Successfully Deleted!' };
  }

  @Head(':bucket')
  @BucketParam
  @Describe({
    id: 'headBucket',
    summary: 'Ask whether a bucket is there and yours',
    answer: { description: 'It is; `X-Spumoni-Location` names its backend, `X-Spumoni-Tier` its tier policy' },
    refusals: [403, 404],
  })
  async head(@AskedBy() caller: Caller, @Param('bucket') name: string, @Res() reply: FastifyReply): Promise<void> {
    const bucket = await openBucket(this.deployment.engine, caller.context, name);
    void reply.header('X-Spumoni-Location', await backendName(this.deployment, bucket.home));
    if (bucket.policy !== undefined) void reply.header('X-Spumoni-Tier', encodeURIComponent(bucket.policy));
    void reply.code(200).send();
  }

  @Get(':bucket')
  @BucketParam
  @Describe({
    id: 'listObjects',
    summary: 'List the objects of a bucket, or inspect it',
    description: 'With `info` the answer is a `Bucket`. Folders are keys that end in `/`; `delimiter=/` lists one.',
    query: schemas.listingQuery,
    answer: {
      description: 'A page of objects in UTF-8 byte order, or the bucket itself',
      schema: z.union([schemas.objectList, schemas.bucketView]),
    },
    refusals: [400, 403, 404],
  })
  async objects(
    @AskedBy() caller: Caller,
    @Param('bucket') name: string,
    @QueryOf(schemas.listingQuery) query: z.output<typeof schemas.listingQuery>,
  ) {
    const bucket = await openBucket(this.deployment.engine, caller.context, name);
    if (query.info !== undefined) return this.presenter.view(bucket);
    const { prefix = '', delimiter, marker = '', maxKeys } = query;
    const listing = await listObjects(this.deployment.engine, {
      bucket,
      maxKeys,
      ...(prefix === '' ? {} : { prefix }),
      ...(delimiter === undefined ? {} : { delimiter }),
      ...(marker === '' ? {} : { marker }),
    });
    const adoption = await this.presenter.adoption(bucket);
    const nameOf = await backendNames(this.deployment);
    const objects = listing.objects.map(({ key, record }) =>
      shownObject(key, record, nameOf(record.placement.backend)),
    );
    return {
      name,
      prefix,
      delimiter: delimiter ?? null,
      marker,
      nextMarker: listing.nextMarker ?? null,
      maxKeys,
      isTruncated: listing.isTruncated,
      objects,
      commonPrefixes: listing.commonPrefixes,
      ...(adoption ? { adoption } : {}),
    };
  }

  @Post(':bucket')
  @BucketParam
  @ChangesNoConfiguration()
  @Describe({
    id: 'deleteObjects',
    summary: 'Delete up to 1,000 objects',
    query: schemas.deletionQuery,
    body: { schema: schemas.deletion, example: { keys: ['hello.txt', 'pictures/sea.jpg'] } },
    answer: { description: 'What became of each key, in order', schema: schemas.deletionResults },
    refusals: [400, 403, 404, 413],
  })
  async removeObjects(
    @AskedBy() caller: Caller,
    @Param('bucket') name: string,
    @QueryOf(schemas.deletionQuery) _: unknown,
    @JsonBody(schemas.deletion) { keys }: z.output<typeof schemas.deletion>,
  ) {
    const bucket = await openBucket(this.deployment.engine, caller.context, name);
    return { returnCode: 200, results: await removeKeys(this.deployment.engine, caller.context, { bucket, keys }) };
  }
}

function adoptOf({ container, versioning }: NonNullable<z.output<typeof schemas.bucketCreation>['adopt']>) {
  return { container, ...(versioning === undefined ? {} : { versioning }) };
}
