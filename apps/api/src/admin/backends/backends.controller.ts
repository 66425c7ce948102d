import { Controller, Delete, Get, Inject, Param, Patch, Post, Put, UseGuards } from '@nestjs/common';
import { ApiParam, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import type { Deployment } from '#libs/deployment';
import { AccessGuard } from '../../http/access.guard.js';
import type { Caller } from '../../http/caller.js';
import { Describe } from '../../http/describe.decorator.js';
import { AskedBy, JsonBody, pageOf, pageQuery, QueryOf, shownPage } from '../../http/parameters.js';
import { DEPLOYMENT } from '../../tokens.js';
import { jsonObject } from '../json-object.js';
import * as schemas from './backend-schemas.js';

const nameParam = ApiParam({ name: 'name', description: 'Name of the backend', example: 'local' });
type Json = z.output<typeof jsonObject>;

/** Registered backends, for administrators. */
@ApiTags('backends')
@Controller('admin/v1/backends')
@UseGuards(AccessGuard)
export class BackendsController {
  constructor(@Inject(DEPLOYMENT) private readonly deployment: Deployment) {}

  @Get()
  @Describe({
    id: 'listBackends',
    summary: 'List the registered backends',
    query: pageQuery,
    answer: { description: 'A page of backends, by name', schema: schemas.backendList },
    refusals: [400, 403],
  })
  async list(@QueryOf(pageQuery) query: z.output<typeof pageQuery>) {
    return shownPage(await this.deployment.backends.list(pageOf(query)), (backend) => backend);
  }

  @Post()
  @Describe({
    id: 'registerBackend',
    summary: 'Register a backend, once a check of it has passed',
    description:
      'Checks the credentials and what the endpoint really does, in containers of its own that it removes again.',
    body: {
      schema: schemas.backendInput,
      example: {
        name: 'second-disk',
        type: 'filesystem',
        options: { path: '/tmp/spumoni-second-disk' },
        credentials: {},
      },
    },
    answer: { status: 201, description: 'Registered, with what the check found', schema: schemas.backendView },
    refusals: [400, 403, 409, 413, 422],
  })
  register(@AskedBy() caller: Caller, @JsonBody(jsonObject) body: Json) {
    return this.deployment.backends.register(caller.requestId, body);
  }

  @Get(':name')
  @nameParam
  @Describe({
    id: 'getBackend',
    summary: 'Read a backend back, without its credentials',
    answer: { description: 'The backend', schema: schemas.backendView },
    refusals: [403, 404],
  })
  get(@Param('name') name: string) {
    return this.deployment.backends.get(name);
  }

  @Patch(':name')
  @nameParam
  @Describe({
    id: 'changeBackend',
    summary: 'Change endpoint, region or options, once a check has passed',
    description:
      'Credentials are sent to no other place than they were given for: a change of where they are sent brings them again in `credentials`.',
    body: { schema: schemas.backendChange, example: { region: 'here' } },
    answer: { description: 'As it is now', schema: schemas.backendView },
    refusals: [400, 403, 404, 409, 413, 422],
  })
  change(@AskedBy() caller: Caller, @Param('name') name: string, @JsonBody(jsonObject) body: Json) {
    return this.deployment.backends.update(caller.requestId, name, body);
  }

  @Post(':name/check')
  @nameParam
  @Describe({
    id: 'checkBackend',
    summary: 'Check a backend again',
    description: 'A check that fails is an answer, too: `state` and `lastCheckError` say so.',
    answer: { description: 'With what was found', schema: schemas.backendView },
    refusals: [403, 404, 409],
  })
  check(@AskedBy() caller: Caller, @Param('name') name: string) {
    return this.deployment.backends.check(caller.requestId, name);
  }

  @Get(':name/containers')
  @nameParam
  @Describe({
    id: 'listContainers',
    summary: "List the vendor's own containers that the backend's credentials see, and whose each is",
    description: 'What is `adoptable` can be made a bucket by `PUT /v1/{bucket}` with `adopt`.',
    query: pageQuery,
    answer: { description: 'A page of containers, by name', schema: schemas.containerList },
    refusals: [400, 403, 404, 422],
  })
  async containers(
    @AskedBy() { context }: Caller,
    @Param('name') name: string,
    @QueryOf(pageQuery) query: z.output<typeof pageQuery>,
  ) {
    return shownPage(await this.deployment.takeovers.discover(context, name, pageOf(query)), (one) => one);
  }

  @Put(':name/credentials')
  @nameParam
  @Describe({
    id: 'rotateCredentials',
    summary: 'Replace the credentials, once a check with the new ones has passed',
    body: { schema: schemas.credentials, example: {} },
    answer: { description: 'Replaced; they are not shown', schema: schemas.backendView },
    refusals: [400, 403, 404, 409, 413, 422],
  })
  rotate(@AskedBy() caller: Caller, @Param('name') name: string, @JsonBody(jsonObject) body: Json) {
    return this.deployment.backends.rotate(caller.requestId, name, body);
  }

  @Delete(':name')
  @nameParam
  @Describe({
    id: 'removeBackend',
    summary: 'Remove a backend that nothing needs',
    answer: { status: 204, description: 'Removed' },
    refusals: [403, 404, 409],
  })
  async remove(@Param('name') name: string): Promise<void> {
    await this.deployment.backends.remove(name);
  }
}
