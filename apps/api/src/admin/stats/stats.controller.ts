import { Controller, Get, Inject, UseGuards } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { Deployment } from '#libs/deployment';
import { AccessGuard } from '../../http/access.guard.js';
import { Describe } from '../../http/describe.decorator.js';
import { DEPLOYMENT } from '../../tokens.js';

const stats = z.object({
  backends: z.object({ total: z.number(), ok: z.number() }),
  tiers: z.number(),
  users: z.number(),
  keys: z.number(),
  process: z.object({ uptimeSeconds: z.number(), residentBytes: z.number() }),
});

/** A few figures of the deployment; `/metrics` has the rest. */
@ApiTags('operations')
@Controller('admin/v1/stats')
@UseGuards(AccessGuard)
export class StatsController {
  constructor(@Inject(DEPLOYMENT) private readonly deployment: Deployment) {}

  @Get()
  @Describe({
    id: 'getStats',
    summary: 'How much there is of what',
    answer: { description: 'Figures as of now', schema: stats },
    refusals: [403],
  })
  async get(): Promise<z.output<typeof stats>> {
    const { backends, tiers, users, keys } = await this.deployment.controlPlane.configuration.current();
    return {
      backends: { total: backends.length, ok: backends.filter(({ state }) => state === 'ok').length },
      tiers: tiers.length,
      users: users.length,
      keys: keys.length,
      process: { uptimeSeconds: Math.round(process.uptime()), residentBytes: process.memoryUsage.rss() },
    };
  }
}
