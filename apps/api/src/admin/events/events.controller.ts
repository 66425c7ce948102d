import { Controller, Get, Inject, Res, UseGuards } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Deployment, Streamed } from '#libs/deployment';
import { EVENT_TYPES, type EventType } from '#libs/metadata';
import { AccessGuard, assertAdmin } from '../../http/access.guard.js';
import { authenticate } from '../../http/basic-credentials.js';
import { Describe } from '../../http/describe.decorator.js';
import { streamEvents } from '../../http/event-stream.js';
import type { Exchange } from '../../http/exchange.js';
import { QueryOf, TheExchange } from '../../http/parameters.js';
import { Shutdown } from '../../operations/shutdown.js';
import { DEPLOYMENT } from '../../tokens.js';
import { eventView } from './event-schemas.js';

const ID = /^\d{1,18}$/;
const isType = (text: string): text is EventType => EVENT_TYPES.some((type) => type === text);

const watchQuery = z.strictObject({
  type: z
    .string()
    .default('')
    .transform((text) => text.split(',').filter((type) => type !== ''))
    .refine((types) => types.every(isType), { error: `expected some of ${EVENT_TYPES.join(',')}` })
    .transform((types) => types.filter(isType))
    .describe('Types, separated by commas; all if absent'),
  bucket: z.string().min(1).optional().describe('Name of the one bucket to hear of'),
  prefix: z.string().min(1).optional().describe('How keys begin; then only of objects'),
  after: z.string().regex(ID, 'expected the id of an event').optional().describe('Begin behind this event'),
});

/** What happens, as it happens. For administrators. */
@ApiTags('events')
@Controller('admin/v1/events')
@UseGuards(AccessGuard)
export class EventsController {
  constructor(
    @Inject(DEPLOYMENT) private readonly deployment: Deployment,
    private readonly shutdown: Shutdown,
  ) {}

  @Get()
  @Describe({
    id: 'watchEvents',
    summary: 'Watch what happens: server-sent events',
    description:
      'First `ready`, from which on none is missed; then each event under its type. A client that comes again with `Last-Event-ID` goes on where it was, as far as somebody listened meanwhile.',
    query: watchQuery,
    answer: { description: '`ready`, then events', schema: eventView, stream: 'text/event-stream' },
    refusals: [400, 403],
  })
  async watch(
    @QueryOf(watchQuery) query: z.output<typeof watchQuery>,
    @TheExchange() exchange: Exchange,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { type, bucket, prefix } = query;
    const given = exchange.request.headers['last-event-id'];
    const after = typeof given === 'string' && ID.test(given) ? given : query.after;
    const filter = {
      events: type,
      ...(bucket === undefined ? {} : { bucket }),
      ...(prefix === undefined ? {} : { prefix }),
    };
    await streamEvents<Streamed>(exchange, reply, this.shutdown, {
      name: (one) => ('event' in one ? one.event.type : 'ready'),
      id: (one) => ('event' in one ? one.event.id : one.ready),
      data: (one) => ('event' in one ? one.event : {}),
      open: (signal) => this.deployment.events.watch(filter, after, signal),
      allowed: async () => assertAdmin(await authenticate(this.deployment, exchange)),
    });
  }
}
