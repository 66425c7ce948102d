import { Controller, Get, Inject, Param, Post, UseGuards } from '@nestjs/common';
import { ApiParam, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { Deployment } from '#libs/deployment';
import { AccessGuard } from '../../http/access.guard.js';
import { Describe } from '../../http/describe.decorator.js';
import { pageOf, pageQuery, QueryOf, shownPage } from '../../http/parameters.js';
import { DEPLOYMENT } from '../../tokens.js';
import { deliveryView } from './event-schemas.js';

const listQuery = pageQuery.extend({
  state: z.enum(['pending', 'dead']).optional().describe('`dead`: given up, and sent again only when asked'),
  webhook: z.string().min(1).optional().describe('Id'),
  after: z
    .string()
    .regex(/^\d{1,18}$/, 'expected the `next` of an earlier page')
    .optional()
    .describe('Where to go on: `next` of the page before'),
});

/** What webhooks have not taken. For administrators. */
@ApiTags('events')
@Controller('admin/v1/webhook-deliveries')
@UseGuards(AccessGuard)
export class DeliveriesController {
  constructor(@Inject(DEPLOYMENT) private readonly deployment: Deployment) {}

  @Get()
  @Describe({
    id: 'listWebhookDeliveries',
    summary: 'List deliveries that were not taken yet, or given up',
    query: listQuery,
    answer: { description: 'A page', schema: z.object({ items: z.array(deliveryView), next: z.string().nullable() }) },
    refusals: [400, 403],
  })
  async list(@QueryOf(listQuery) query: z.output<typeof listQuery>) {
    const { state, webhook } = query;
    const asked = { ...(state === undefined ? {} : { state }), ...(webhook === undefined ? {} : { webhook }) };
    return shownPage(await this.deployment.events.listDeliveries({ ...pageOf(query), ...asked }), (one) => one);
  }

  @Post(':id/resend')
  @ApiParam({ name: 'id', description: 'Id of the delivery' })
  @Describe({
    id: 'resendWebhookDelivery',
    summary: 'Send a delivery again, now, with all its attempts before it',
    answer: { status: 202, description: 'As it is now', schema: deliveryView },
    refusals: [403, 404],
  })
  resend(@Param('id') id: string) {
    return this.deployment.events.resend(id);
  }
}
