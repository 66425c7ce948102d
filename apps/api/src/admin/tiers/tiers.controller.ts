import { Controller, Delete, Get, Inject, Param, Post, Put, Res, UseGuards } from '@nestjs/common';
import { ApiParam, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Deployment } from '#libs/deployment';
import { ChangesNoConfiguration } from '../../audit/audited.decorator.js';
import { AccessGuard, ForUsers } from '../../http/access.guard.js';
import type { Caller } from '../../http/caller.js';
import { Describe } from '../../http/describe.decorator.js';
import { AskedBy, IN_DIGITS, inQuery, JsonBody, pageOf, pageQuery, QueryOf, shownPage } from '../../http/parameters.js';
import { component } from '../../http/schemas.js';
import { DEPLOYMENT } from '../../tokens.js';
import { storageClass } from '../backends/backend-schemas.js';
import { jobList } from '../jobs/job-schemas.js';
import { jsonObject } from '../json-object.js';
import { retierPreviewList, tierPreviewInput } from '../retiers/retier-schemas.js';

const attributes = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));
const tierInput = component(
  'TierInput',
  z.object({
    description: z.string().optional(),
    classes: z.record(z.string(), z.string()).optional().describe("The vendor's class, by vendor"),
    attributes: attributes.optional().describe('Whatever else the tier promises: iops, latency, region, …'),
    backends: z.array(z.string()).optional().describe('Candidates for its buckets, the preferred first; empty: any'),
  }),
);
const tierView = component(
  'Tier',
  z.object({
    name: z.string(),
    description: z.string(),
    classes: z.record(z.string(), z.string()).describe("The vendor's own class, for every vendor"),
    details: z.record(z.string(), storageClass),
    attributes,
    backends: z.array(z.string()),
    updatedAt: z.iso.datetime(),
    revision: z.number().int(),
  }),
);
const putQuery = z.strictObject({
  revision: inQuery(z.number(IN_DIGITS).int().optional()).describe('The revision that is to be replaced; absent: any'),
});
const nameParam = ApiParam({ name: 'name', description: 'Name of the tier policy, in any case', example: 'Archive' });

/** Tier policies: read by all, changed by administrators. */
@ApiTags('tiers')
@Controller('admin/v1/tiers')
@UseGuards(AccessGuard)
export class TiersController {
  constructor(@Inject(DEPLOYMENT) private readonly deployment: Deployment) {}

  @Get()
  @ForUsers()
  @Describe({
    id: 'listTiers',
    summary: 'List the tier policies',
    query: pageQuery,
    answer: { description: 'A page', schema: z.object({ items: z.array(tierView), next: z.string().nullable() }) },
    refusals: [400],
  })
  async list(@QueryOf(pageQuery) query: z.output<typeof pageQuery>) {
    return shownPage(await this.deployment.tiers.list(pageOf(query)), (tier) => tier);
  }

  @Get(':name')
  @ForUsers()
  @nameParam
  @Describe({
    id: 'getTier',
    summary: 'Read a tier policy',
    answer: { description: 'The policy', schema: tierView },
    refusals: [404],
  })
  get(@Param('name') name: string) {
    return this.deployment.tiers.get(name);
  }

  @Put(':name')
  @nameParam
  @Describe({
    id: 'putTier',
    summary: 'Make or replace a tier policy',
    query: putQuery,
    body: {
      schema: tierInput,
      example: {
        description: 'Rarely read',
        classes: { aws: 'STANDARD_IA', azure: 'Cool', gcs: 'NEARLINE' },
        attributes: { iops: 100 },
        backends: [],
      },
    },
    answer: { description: 'Replaced, as it is now', created: 'Made: there was none of that name', schema: tierView },
    refusals: [400, 403, 409, 413],
  })
  async put(
    @Param('name') name: string,
    @QueryOf(putQuery) { revision }: z.output<typeof putQuery>,
    @JsonBody(jsonObject) body: z.output<typeof jsonObject>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { tier, created } = await this.deployment.tiers.put(name, body, revision);
    if (created) void reply.code(201);
    return tier;
  }

  @Post(':name/preview')
  @nameParam
  @ChangesNoConfiguration()
  @Describe({
    id: 'previewTier',
    summary: 'Say what a retier of each bucket with a tier policy would do now, or would if its classes were others',
    description:
      'Looks at the index for some seconds at most, so a page may be shorter than asked for; a bucket that they did not suffice for has a `next` of its own, to go on with by its own preview.',
    query: pageQuery,
    body: { schema: tierPreviewInput, example: { classes: { aws: 'STANDARD_IA' } }, required: false },
    answer: { description: 'What would be done, bucket by bucket; nothing was', schema: retierPreviewList },
    refusals: [400, 403, 404, 413],
  })
  async preview(
    @AskedBy() { context }: Caller,
    @Param('name') name: string,
    @QueryOf(pageQuery) query: z.output<typeof pageQuery>,
    @JsonBody(tierPreviewInput) { classes }: z.output<typeof tierPreviewInput>,
  ) {
    const page = { ...pageOf(query), ...(classes === undefined ? {} : { classes }) };
    return shownPage(await this.deployment.retiers.previewTier(context, name, page), (preview) => preview);
  }

  @Post(':name/retier')
  @nameParam
  @Describe({
    id: 'retierTier',
    summary: 'Begin the retier of each bucket with a tier policy, a page of buckets at a time',
    query: pageQuery,
    answer: { status: 202, description: 'The jobs: begun, or already under way', schema: jobList },
    refusals: [400, 403, 404],
  })
  async retier(
    @AskedBy() { context }: Caller,
    @Param('name') name: string,
    @QueryOf(pageQuery) query: z.output<typeof pageQuery>,
  ) {
    return shownPage(await this.deployment.retiers.beginTier(context, name, pageOf(query)), (job) => job);
  }

  @Delete(':name')
  @nameParam
  @Describe({
    id: 'removeTier',
    summary: 'Remove a tier policy that no bucket has',
    answer: { status: 204, description: 'Removed' },
    refusals: [403, 404, 409],
  })
  async remove(@Param('name') name: string): Promise<void> {
    await this.deployment.tiers.remove(name);
  }
}
