import { Controller, Get, Inject, Post, UseGuards } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import type { Deployment } from '#libs/deployment';
import { AccessGuard } from '../../http/access.guard.js';
import type { Caller } from '../../http/caller.js';
import { Describe } from '../../http/describe.decorator.js';
import { AskedBy, JsonBody, pageOf, pageQuery, QueryOf, shownPage } from '../../http/parameters.js';
import { DEPLOYMENT } from '../../tokens.js';
import { jobList, jobView } from '../jobs/job-schemas.js';
import { encryptionView, rotationInput } from './encryption-schemas.js';

/** Master keys and their rotation, for administrators. */
@ApiTags('encryption')
@Controller('admin/v1/encryption')
@UseGuards(AccessGuard)
export class EncryptionController {
  constructor(@Inject(DEPLOYMENT) private readonly deployment: Deployment) {}

  @Get()
  @Describe({
    id: 'getEncryption',
    summary: 'Which master keys there are, by id',
    answer: { description: 'The keys, never their bytes', schema: encryptionView },
    refusals: [403],
  })
  get() {
    return this.deployment.encryption.view();
  }

  @Post('rotations')
  @Describe({
    id: 'rotateMasterKey',
    summary: 'Seal by another master key from now on, and wrap anew what others have sealed',
    description:
      'No object is rewritten. The job is one of `/admin/v1/jobs`; when it is completed the old keys are `retired` and may be taken away.',
    body: { schema: rotationInput, example: { to: '1a2b3c4d' } },
    answer: { status: 202, description: 'Begun', schema: jobView },
    refusals: [400, 403, 409, 413],
  })
  rotate(@AskedBy() { context }: Caller, @JsonBody(rotationInput) { to }: z.output<typeof rotationInput>) {
    return this.deployment.encryption.rotate(context, to);
  }

  @Get('rotations')
  @Describe({
    id: 'listRotations',
    summary: 'List the rotations, newest first',
    query: pageQuery,
    answer: { description: 'A page', schema: jobList },
    refusals: [400, 403],
  })
  async rotations(@QueryOf(pageQuery) query: z.output<typeof pageQuery>) {
    return shownPage(await this.deployment.encryption.rotations(pageOf(query)), (rotation) => rotation);
  }
}
