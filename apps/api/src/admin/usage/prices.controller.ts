import { Controller, Delete, Get, Inject, Put, UseGuards } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { Deployment } from '#libs/deployment';
import { AccessGuard } from '../../http/access.guard.js';
import { Describe } from '../../http/describe.decorator.js';
import { JsonBody } from '../../http/parameters.js';
import { component } from '../../http/schemas.js';
import { DEPLOYMENT } from '../../tokens.js';
import { jsonObject } from '../json-object.js';

const price = z.object({
  vendor: z.string(),
  storageClass: z.string(),
  gibMonth: z.number().describe('A GiB kept for a month'),
  thousandWrites: z.number().describe('A thousand writes or listings'),
  thousandReads: z.number(),
  gibOut: z.number().describe('A GiB that leaves the vendor'),
});
const priceTable = component(
  'PriceTable',
  z.object({
    currency: z.string().describe('Three letters'),
    asOf: z.iso.date().describe('When the prices were looked up'),
    note: z.string(),
    prices: z.array(price),
    sources: z
      .array(z.object({ vendor: z.string(), what: z.string(), source: z.string(), seen: z.string() }))
      .optional()
      .describe('Where they come from; `seen` is a day, or `not checked`'),
  }),
);
const EXAMPLE = {
  currency: 'EUR',
  asOf: '2026-11-01',
  note: 'Our contract',
  prices: [
    { vendor: 'filesystem', storageClass: 'STANDARD', gibMonth: 0.02, thousandWrites: 0, thousandReads: 0, gibOut: 0 },
  ],
};

/** The prices that estimates are made with. For administrators. */
@ApiTags('usage')
@Controller('admin/v1/prices')
@UseGuards(AccessGuard)
export class PricesController {
  constructor(@Inject(DEPLOYMENT) private readonly deployment: Deployment) {}

  @Get()
  @Describe({
    id: 'getPrices',
    summary: 'Read the price table in use',
    answer: { description: 'The table, with the day it was looked up', schema: priceTable },
    refusals: [403],
  })
  get() {
    return this.deployment.usage.prices();
  }

  @Put()
  @Describe({
    id: 'putPrices',
    summary: 'Replace the price table by your own',
    body: { schema: priceTable, example: EXAMPLE },
    answer: { description: 'As it is now', schema: priceTable },
    refusals: [400, 403, 413],
  })
  put(@JsonBody(jsonObject) body: z.output<typeof jsonObject>) {
    return this.deployment.usage.setPrices(body);
  }

  @Delete()
  @Describe({
    id: 'resetPrices',
    summary: 'Go back to the price table that comes with Spumoni',
    answer: { status: 204, description: 'Done' },
    refusals: [403],
  })
  async reset(): Promise<void> {
    await this.deployment.usage.resetPrices();
  }
}
