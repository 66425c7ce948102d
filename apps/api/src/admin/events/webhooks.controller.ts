import { Controller, Delete, Get, Inject, Param, Patch, Post, UseGuards } from '@nestjs/common';
import { ApiParam, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { Deployment } from '#libs/deployment';
import { AccessGuard } from '../../http/access.guard.js';
import { Describe } from '../../http/describe.decorator.js';
import { JsonBody, pageOf, pageQuery, QueryOf, shownPage } from '../../http/parameters.js';
import { DEPLOYMENT } from '../../tokens.js';
import { jsonObject } from '../json-object.js';
import { issuedWebhook, webhookInput, webhookView } from './event-schemas.js';

const change = z.strictObject({ disabled: z.boolean() });
const idParam = ApiParam({ name: 'id', description: 'Id of the webhook' });
const listQuery = pageQuery.extend({
  after: z.uuid().optional().describe('Where to go on: `next` of the page before'),
});

/** Webhooks: where what happens is told. For administrators. */
@ApiTags('events')
@Controller('admin/v1/webhooks')
@UseGuards(AccessGuard)
export class WebhooksController {
  constructor(@Inject(DEPLOYMENT) private readonly deployment: Deployment) {}

  @Post()
  @Describe({
    id: 'createWebhook',
    summary: 'Make a webhook; its secret is shown this once',
    description: 'It hears of what happens from a second later on.',
    body: {
      schema: webhookInput,
      example: {
        url: 'https://example.com/hook',
        events: ['object.created', 'object.removed'],
        bucket: 'my-first-bucket',
      },
    },
    answer: { status: 201, description: 'Made, with its secret', schema: issuedWebhook },
    refusals: [400, 403, 413],
  })
  async create(@JsonBody(jsonObject) body: z.output<typeof jsonObject>) {
    const { webhook, secret } = await this.deployment.events.createWebhook(body);
    return { ...webhook, secret: secret.reveal() };
  }

  @Get()
  @Describe({
    id: 'listWebhooks',
    summary: 'List webhooks',
    query: listQuery,
    answer: { description: 'A page', schema: z.object({ items: z.array(webhookView), next: z.string().nullable() }) },
    refusals: [400, 403],
  })
  async list(@QueryOf(listQuery) query: z.output<typeof listQuery>) {
    return shownPage(await this.deployment.events.listWebhooks(pageOf(query)), (webhook) => webhook);
  }

  @Get(':id')
  @idParam
  @Describe({
    id: 'getWebhook',
    summary: 'Read a webhook, without its secret',
    answer: { description: 'The webhook', schema: webhookView },
    refusals: [403, 404],
  })
  get(@Param('id') id: string) {
    return this.deployment.events.getWebhook(id);
  }

  @Patch(':id')
  @idParam
  @Describe({
    id: 'changeWebhook',
    summary: 'Disable or enable a webhook',
    description: 'A disabled one is told nothing of what happens meanwhile; what waited for it waits on.',
    body: { schema: change, example: { disabled: true } },
    answer: { description: 'As it is now', schema: webhookView },
    refusals: [400, 403, 404, 413],
  })
  change(@Param('id') id: string, @JsonBody(change) { disabled }: z.output<typeof change>) {
    return this.deployment.events.setWebhookDisabled(id, disabled);
  }

  @Delete(':id')
  @idParam
  @Describe({
    id: 'deleteWebhook',
    summary: 'Delete a webhook, with all that it was still to be told',
    answer: { status: 204, description: 'Deleted' },
    refusals: [403, 404],
  })
  async remove(@Param('id') id: string): Promise<void> {
    await this.deployment.events.deleteWebhook(id);
  }
}
