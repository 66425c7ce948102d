import { Controller, Get, Inject, Param, Post, Res, UseGuards } from '@nestjs/common';
import { ApiParam, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Deployment, JobFilter } from '#libs/deployment';
import { JOB_STATES, JOB_TYPES } from '#libs/metadata';
import { AccessGuard } from '../../http/access.guard.js';
import { Describe } from '../../http/describe.decorator.js';
import { streamEvents } from '../../http/event-stream.js';
import type { Exchange } from '../../http/exchange.js';
import { pageOf, pageQuery, QueryOf, shownPage, TheExchange } from '../../http/parameters.js';
import { Shutdown } from '../../operations/shutdown.js';
import { DEPLOYMENT } from '../../tokens.js';
import { jobList, jobView } from './job-schemas.js';

const listQuery = pageQuery.extend({
  type: z.enum(JOB_TYPES).optional(),
  state: z.enum(JOB_STATES).optional(),
  bucket: z.string().optional().describe('Name of a bucket'),
});
const idParam = ApiParam({ name: 'id', description: 'Id of the job' });

function filterOf({ type, state, bucket }: z.output<typeof listQuery>): JobFilter {
  return {
    ...(type === undefined ? {} : { type }),
    ...(state === undefined ? {} : { states: [state] }),
    ...(bucket === undefined ? {} : { bucket }),
  };
}

/** Background work of every kind, for administrators. */
@ApiTags('jobs')
@Controller('admin/v1/jobs')
@UseGuards(AccessGuard)
export class JobsController {
  constructor(
    @Inject(DEPLOYMENT) private readonly deployment: Deployment,
    private readonly shutdown: Shutdown,
  ) {}

  @Get()
  @Describe({
    id: 'listJobs',
    summary: 'List jobs, newest first',
    query: listQuery,
    answer: { description: 'A page', schema: jobList },
    refusals: [400, 403, 404],
  })
  async list(@QueryOf(listQuery) query: z.output<typeof listQuery>) {
    return shownPage(await this.deployment.jobs.list({ ...pageOf(query), ...filterOf(query) }), (job) => job);
  }

  @Get(':id')
  @idParam
  @Describe({
    id: 'getJob',
    summary: 'How a job does',
    answer: { description: 'The job', schema: jobView },
    refusals: [403, 404],
  })
  get(@Param('id') id: string) {
    return this.deployment.jobs.get(id);
  }

  @Get(':id/events')
  @idParam
  @Describe({
    id: 'watchJob',
    summary: 'Watch a job: server-sent events until it is settled',
    answer: {
      description: '`progress` at each change, `end` at the end',
      schema: jobView,
      stream: 'text/event-stream',
    },
    refusals: [403, 404],
  })
  async watch(@Param('id') id: string, @TheExchange() exchange: Exchange, @Res() reply: FastifyReply): Promise<void> {
    const { jobs } = this.deployment;
    await streamEvents(exchange, reply, this.shutdown, { name: 'progress', open: (signal) => jobs.watch(id, signal) });
  }

  @Post(':id/pause')
  @idParam
  @Describe({
    id: 'pauseJob',
    summary: 'Pause a job',
    answer: { description: 'As it is now', schema: jobView },
    refusals: [403, 404, 409],
  })
  pause(@Param('id') id: string) {
    return this.deployment.jobs.pause(id);
  }

  @Post(':id/resume')
  @idParam
  @Describe({
    id: 'resumeJob',
    summary: 'Resume a job',
    answer: { description: 'As it is now', schema: jobView },
    refusals: [403, 404, 409],
  })
  resume(@Param('id') id: string) {
    return this.deployment.jobs.resume(id);
  }

  @Post(':id/cancel')
  @idParam
  @Describe({
    id: 'cancelJob',
    summary: 'Cancel a job',
    answer: { description: 'As it is now', schema: jobView },
    refusals: [403, 404, 409],
  })
  cancel(@Param('id') id: string) {
    return this.deployment.jobs.cancel(id);
  }
}
