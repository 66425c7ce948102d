import { Controller, Get, Inject, Param, Res, UseGuards } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Deployment, JobFilter, JobView } from '#libs/deployment';
import { JOB_STATES, JOB_TYPES, type JobType } from '#libs/metadata';
import { AccessGuard, ForUsers } from '../../http/access.guard.js';
import { asNow, type Caller } from '../../http/caller.js';
import { Describe } from '../../http/describe.decorator.js';
import { streamEvents } from '../../http/event-stream.js';
import { AskedBy, pageOf, pageQuery, QueryOf, shownPage } from '../../http/parameters.js';
import { RequestError } from '../../http/request-error.js';
import { Shutdown } from '../../operations/shutdown.js';
import { DEPLOYMENT } from '../../tokens.js';
import { OwnBuckets } from '../own-buckets.js';
import { jobList, jobView } from './job-schemas.js';
import { Shows, Steers, Watches } from './steering.decorator.js';

const listQuery = pageQuery.extend({
  type: z.enum(JOB_TYPES).optional(),
  state: z.enum(JOB_STATES).optional(),
  bucket: z.string().optional().describe('Name; users must give one of theirs'),
});
const JOB = { noun: 'job', name: 'Job', view: jobView };

function filterOf({ type, state, bucket }: z.output<typeof listQuery>): JobFilter {
  return {
    ...(type === undefined ? {} : { type }),
    ...(state === undefined ? {} : { states: [state] }),
    ...(bucket === undefined ? {} : { bucket }),
  };
}

/** What the owner of a bucket may begin there, and so pause, resume and cancel. */
const OWNERS_JOBS: readonly JobType[] = ['migration', 'lifecycle-run', 'retier', 'encrypt'];

/** Background work of every kind: of one's own buckets for everybody, all for administrators. */
@ApiTags('jobs')
@Controller('admin/v1/jobs')
@UseGuards(AccessGuard)
@ForUsers()
export class JobsController {
  constructor(
    @Inject(DEPLOYMENT) private readonly deployment: Deployment,
    private readonly shutdown: Shutdown,
    private readonly own: OwnBuckets,
  ) {}

  @Get()
  @Describe({
    id: 'listJobs',
    summary: 'List jobs, newest first',
    query: listQuery,
    answer: { description: 'A page', schema: jobList },
    refusals: [400, 403, 404],
  })
  async list(@AskedBy() { context }: Caller, @QueryOf(listQuery) query: z.output<typeof listQuery>) {
    if (query.bucket === undefined && !context.actor.isAdmin)
      throw new RequestError('access-denied', 'name a bucket of yours; all jobs are for administrators only');
    await this.own.assertByName(context, query.bucket);
    return shownPage(await this.deployment.jobs.list({ ...pageOf(query), ...filterOf(query) }), (job) => job);
  }

  @Shows(JOB)
  get(@AskedBy() caller: Caller, @Param('id') id: string) {
    return this.#own(caller, id);
  }

  @Watches(JOB)
  async watch(@AskedBy() caller: Caller, @Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    await this.#own(caller, id);
    const { jobs } = this.deployment;
    await streamEvents(caller.exchange, reply, this.shutdown, {
      name: 'progress',
      open: (signal) => jobs.watch(id, signal),
      allowed: async () => this.#own(await asNow(this.deployment, caller), id),
    });
  }

  @Steers('pause', JOB)
  async pause(@AskedBy() caller: Caller, @Param('id') id: string) {
    await this.#ownToSteer(caller, id);
    return this.deployment.jobs.pause(id);
  }

  @Steers('resume', JOB)
  async resume(@AskedBy() caller: Caller, @Param('id') id: string) {
    await this.#ownToSteer(caller, id);
    return this.deployment.jobs.resume(id);
  }

  @Steers('cancel', JOB)
  async cancel(@AskedBy() caller: Caller, @Param('id') id: string) {
    await this.#ownToSteer(caller, id);
    return this.deployment.jobs.cancel(id);
  }

  async #own({ context }: Caller, id: string): Promise<JobView> {
    const job = await this.deployment.jobs.get(id);
    await this.own.assertById(context, job.bucketId);
    return job;
  }

  async #ownToSteer(caller: Caller, id: string): Promise<void> {
    const { type } = await this.#own(caller, id);
    if (!caller.context.actor.isAdmin && !OWNERS_JOBS.includes(type))
      throw new RequestError('access-denied', `jobs of type ${type} are for administrators only`);
  }
}
