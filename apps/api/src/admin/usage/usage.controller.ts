import { Controller, Get, Inject, Post, UseGuards } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { Deployment } from '#libs/deployment';
import { USAGE_DIMENSIONS, type UsageDimension } from '#libs/metadata';
import { ChangesNoConfiguration } from '../../audit/audited.decorator.js';
import { AccessGuard, ForUsers } from '../../http/access.guard.js';
import type { Caller } from '../../http/caller.js';
import { Describe } from '../../http/describe.decorator.js';
import { AskedBy, pageOf, pageQuery, pathPart, QueryOf, shownPage } from '../../http/parameters.js';
import { RequestError } from '../../http/request-error.js';
import { component } from '../../http/schemas.js';
import { DEPLOYMENT } from '../../tokens.js';

const requests = z.object({
  reads: z.number(),
  writes: z.number(),
  lists: z.number(),
  bytesIn: z.number().describe('Of content'),
  bytesOut: z.number().describe('Of content'),
});
const usageView = component(
  'Usage',
  z.object({
    name: z.string().describe('`(none)`: objects that no tier policy placed'),
    objects: z.number(),
    bytes: z.number(),
    countedAt: z.iso.datetime().nullable().describe('When the oldest count in it was made; null before the first'),
    uncountedBuckets: z.number().describe('Buckets in it that were not counted yet'),
    requests: requests.describe('Of the last 30 days. By backend: calls made to it; else requests of clients'),
    estimate: z
      .object({
        currency: z.string(),
        storage: z.number().describe('What is stored now, for a month'),
        requests: z.number().describe('Requests and bytes out of the last 30 days'),
        total: z.number(),
        unpriced: z.array(z.string()).describe('Vendors and classes without a price, which count as nothing'),
      })
      .describe('A month by the price table'),
  }),
);
const dayView = component(
  'UsageDay',
  requests.extend({ day: z.iso.date().describe('UTC'), objects: z.number(), bytes: z.number() }),
);
const by = z.enum(USAGE_DIMENSIONS).default('bucket').describe('What to sum by');
const listQuery = pageQuery.extend({ by });
const historyQuery = pageQuery.extend({
  by,
  name: z.string().min(1).optional().describe('Of that bucket, tier, backend or owner; all together if absent'),
  from: z.iso.date().optional().describe('First day'),
  to: z.iso.date().optional().describe('Last day'),
  after: z.iso.date().optional().describe('Where to go on: `next` of the page before'),
});
const countQuery = z.strictObject({ bucket: pathPart });

/** Users see what buckets of theirs use. What a backend was asked is all buckets' together, and so is no user's. */
function ownerOf({ context }: Caller, by: UsageDimension): { readonly ownerId?: string } {
  const { isAdmin, userId } = context.actor;
  if (isAdmin) return {};
  if (by !== 'backend') return { ownerId: userId };
  throw new RequestError('access-denied', 'usage by backend is for administrators only; ask by bucket, tier or owner');
}

/** What is stored and asked, by whom and where, and about what it costs: of one's own buckets for everybody, of all for administrators. */
@ApiTags('usage')
@Controller('admin/v1/usage')
@UseGuards(AccessGuard)
export class UsageController {
  constructor(@Inject(DEPLOYMENT) private readonly deployment: Deployment) {}

  @Get()
  @ForUsers()
  @Describe({
    id: 'listUsage',
    summary: 'What is used now, by bucket, tier, backend or owner: of your buckets, or of all for an administrator',
    query: listQuery,
    answer: { description: 'A page', schema: z.object({ items: z.array(usageView), next: z.string().nullable() }) },
    refusals: [400, 403],
  })
  async list(@AskedBy() caller: Caller, @QueryOf(listQuery) query: z.output<typeof listQuery>) {
    const page = { ...pageOf(query), ...ownerOf(caller, query.by) };
    return shownPage(await this.deployment.usage.list(query.by, page), (usage) => usage);
  }

  @Get('history')
  @ForUsers()
  @Describe({
    id: 'listUsageHistory',
    summary: 'What was used, day by day: by your buckets, or by all for an administrator',
    query: historyQuery,
    answer: { description: 'A page', schema: z.object({ items: z.array(dayView), next: z.string().nullable() }) },
    refusals: [400, 403],
  })
  async history(@AskedBy() caller: Caller, @QueryOf(historyQuery) query: z.output<typeof historyQuery>) {
    const { name, from, to } = query;
    const asked = {
      ...ownerOf(caller, query.by),
      ...(name === undefined ? {} : { name }),
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
    };
    return shownPage(await this.deployment.usage.history(query.by, { ...pageOf(query), ...asked }), (day) => day);
  }

  @Post('count')
  @ChangesNoConfiguration()
  @Describe({
    id: 'countUsage',
    summary: 'Count what a bucket holds now, instead of at the next round',
    description: 'Walks through its part of the index at no more than half a core; one at a time.',
    query: countQuery,
    answer: { status: 204, description: 'Counted' },
    refusals: [400, 403, 404, 409],
  })
  async count(@QueryOf(countQuery) { bucket }: z.output<typeof countQuery>): Promise<void> {
    await this.deployment.usage.count(bucket);
  }
}
