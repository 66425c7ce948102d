import { Controller, Get, Param, UseGuards } from '@nestjs/common';
import { ApiParam, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { BACKEND_TYPES, limitsOf, S3_PROFILES, vendorRules, VENDORS, type Vendor } from '#libs/naming';
import { storageClassesOf } from '#libs/tiering';
import { AccessGuard, ForUsers } from '../../http/access.guard.js';
import { Describe } from '../../http/describe.decorator.js';
import { QueryOf, pageOf, pageQuery } from '../../http/parameters.js';
import { RequestError } from '../../http/request-error.js';
import { component } from '../../http/schemas.js';
import { storageClass } from '../backends/backend-schemas.js';

const vendorView = component(
  'Vendor',
  z.object({
    vendor: z.enum(VENDORS),
    type: z.enum(BACKEND_TYPES).describe('The `type` of its backends'),
    profile: z.enum(S3_PROFILES).optional().describe('The `profile` of its backends'),
    storageClasses: z.array(storageClass),
    nameRules: z.array(
      z.object({
        rule: z.string(),
        statement: z.string(),
        source: z.string(),
        severity: z.enum(['violation', 'warning']),
      }),
    ),
    limits: z.looseObject({ maxObjectBytes: z.number() }),
  }),
);

function show(vendor: Vendor) {
  const profile = S3_PROFILES.find((known) => known === vendor);
  const type = BACKEND_TYPES.find((known) => known === vendor) ?? 's3';
  return {
    vendor,
    type,
    ...(profile ? { profile } : {}),
    storageClasses: storageClassesOf(vendor),
    nameRules: vendorRules(vendor),
    limits: limitsOf(vendor),
  };
}

/** What is known of every vendor: types, storage classes, naming rules, limits. */
@ApiTags('names')
@Controller('admin/v1/vendors')
@UseGuards(AccessGuard)
@ForUsers()
export class VendorsController {
  @Get()
  @Describe({
    id: 'listVendors',
    summary: 'List the vendors with their storage classes and naming rules',
    query: pageQuery,
    answer: {
      description: 'All vendors',
      schema: z.object({ items: z.array(vendorView), next: z.string().nullable() }),
    },
    refusals: [400],
  })
  list(@QueryOf(pageQuery) query: z.output<typeof pageQuery>) {
    const { limit, after } = pageOf(query);
    const first = after === undefined ? 0 : VENDORS.findIndex((vendor) => vendor === after) + 1;
    const page = VENDORS.slice(first, first + limit);
    return { items: page.map(show), next: first + limit < VENDORS.length ? (page.at(-1) ?? null) : null };
  }

  @Get(':vendor')
  @ApiParam({ name: 'vendor', example: 'azure' })
  @Describe({
    id: 'getVendor',
    summary: 'One vendor',
    answer: { description: 'The vendor', schema: vendorView },
    refusals: [404],
  })
  get(@Param('vendor') name: string) {
    const vendor = VENDORS.find((known) => known === name);
    if (vendor) return show(vendor);
    throw new RequestError('not-found', `there is no vendor "${name}"; expected: ${VENDORS.join(', ')}`);
  }
}
