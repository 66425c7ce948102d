import { Controller, Get, Inject, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Deployment } from '#libs/deployment';
import { isAdmin } from '#libs/identity';
import { authenticate } from '../http/basic-credentials.js';
import { Describe } from '../http/describe.decorator.js';
import type { Exchange } from '../http/exchange.js';
import { TheExchange } from '../http/parameters.js';
import { RequestError } from '../http/request-error.js';
import { DEPLOYMENT } from '../tokens.js';
import { Metrics } from './metrics.js';
import { Shutdown } from './shutdown.js';

const LOOPBACK = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1']);

/** What a proxy says of whom it asks for. It may be of this machine; its clients are not. */
const FORWARDED = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'];

function isOfThisMachine({ socket, headers }: Exchange['request']): boolean {
  return LOOPBACK.has(socket.remoteAddress ?? '') && !FORWARDED.some((name) => headers[name] !== undefined);
}

const health = z.object({ status: z.literal('ok') });
const readiness = z.object({ ready: z.boolean(), checks: z.record(z.string(), z.boolean()) });

/** What runs the product looks at: is it alive, can it serve, how does it do. */
@ApiTags('operations')
@Controller()
export class OperationsController {
  constructor(
    @Inject(DEPLOYMENT) private readonly deployment: Deployment,
    private readonly metrics: Metrics,
    private readonly shutdown: Shutdown,
  ) {}

  @Get('healthz')
  @Describe({
    id: 'healthz',
    summary: 'Is the process alive?',
    open: true,
    answer: { description: 'It is', schema: health },
  })
  health(): z.output<typeof health> {
    return { status: 'ok' };
  }

  @Get('readyz')
  @Describe({
    id: 'readyz',
    summary: 'Can it serve?',
    description: '503 with the same body while a part cannot be reached, and from the moment the process is to stop.',
    open: true,
    answer: { description: 'It can, and so can each of its parts', schema: readiness },
  })
  async ready(@Res() reply: FastifyReply): Promise<void> {
    const { ready, checks } = await this.deployment.readiness();
    const all = { ...checks, accepting: !this.shutdown.isStopping };
    const isReady = ready && !this.shutdown.isStopping;
    void reply.code(isReady ? 200 : 503).send({ ready: isReady, checks: all });
  }

  @Get('metrics')
  @Describe({
    id: 'metrics',
    summary: 'Figures of this process, for Prometheus',
    description: 'Open to programs on the same machine; from elsewhere, or through a proxy, it takes an administrator.',
    answer: { description: 'Prometheus text format' },
    refusals: [403],
  })
  async figures(@TheExchange() exchange: Exchange, @Res() reply: FastifyReply): Promise<void> {
    if (!isOfThisMachine(exchange.request)) {
      const principal = await authenticate(this.deployment, exchange);
      if (!isAdmin(principal)) throw new RequestError('access-denied', 'figures are for administrators only');
    }
    void reply.header('Content-Type', this.metrics.contentType).send(await this.metrics.text());
  }
}
