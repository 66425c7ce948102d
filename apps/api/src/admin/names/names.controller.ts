import { Controller, Post, UseGuards } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { suggestBucketName, validateBucketName, VENDORS } from '#libs/naming';
import { ChangesNoConfiguration } from '../../audit/audited.decorator.js';
import { AccessGuard, ForUsers } from '../../http/access.guard.js';
import { Describe } from '../../http/describe.decorator.js';
import { JsonBody } from '../../http/parameters.js';

const question = z.strictObject({
  name: z.string().max(1024),
  vendors: z.array(z.enum(VENDORS)).min(1).optional().describe('All, if absent'),
});
const violation = z.object({ rule: z.string(), message: z.string(), source: z.string() });
const verdicts = z.object({
  name: z.string(),
  results: z.array(
    z.object({
      vendor: z.enum(VENDORS),
      valid: z.boolean(),
      violations: z.array(violation),
      warnings: z.array(violation).describe('What the vendor itself decides'),
    }),
  ),
  suggestion: z.string().describe('A name that is legal everywhere'),
});

/** Bucket names against the rules of every vendor. */
@ApiTags('names')
@Controller('admin/v1/names')
@UseGuards(AccessGuard)
@ForUsers()
export class NamesController {
  @Post('validate')
  @ChangesNoConfiguration()
  @Describe({
    id: 'validateName',
    summary: 'Say which rules of which vendor a bucket name breaks',
    body: { schema: question, example: { name: 'My_Bucket', vendors: ['aws', 'azure', 'gcs'] } },
    answer: { description: 'A verdict for each vendor, and a name that is legal everywhere', schema: verdicts },
    refusals: [400, 413],
  })
  validate(@JsonBody(question) { name, vendors }: z.output<typeof question>) {
    const results = (vendors ?? VENDORS).map((vendor) => validateBucketName(name, vendor));
    return { name, results, suggestion: suggestBucketName(name) };
  }
}
