import { Controller, Get, Inject, Param, Post, Res, UseGuards } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Deployment, MigrationView } from '#libs/deployment';
import { ChangesNoConfiguration } from '../../audit/audited.decorator.js';
import { AccessGuard, ForUsers } from '../../http/access.guard.js';
import { asNow, type Caller } from '../../http/caller.js';
import { Describe } from '../../http/describe.decorator.js';
import { streamEvents } from '../../http/event-stream.js';
import { AskedBy, JsonBody, pageOf, pageQuery, QueryOf, shownPage } from '../../http/parameters.js';
import { RequestError } from '../../http/request-error.js';
import { Shutdown } from '../../operations/shutdown.js';
import { DEPLOYMENT } from '../../tokens.js';
import { migrationInput, migrationList, migrationPlan, migrationView } from '../jobs/job-schemas.js';
import { Shows, Steers, Watches } from '../jobs/steering.decorator.js';
import { jsonObject } from '../json-object.js';
import { OwnBuckets } from '../own-buckets.js';

const listQuery = pageQuery.extend({ bucket: z.string().optional().describe('Name; users must give one of theirs') });
const MIGRATION = { noun: 'migration', name: 'Migration', view: migrationView };
const example = { bucket: 'my-first-bucket', destination: { backend: 'second-disk' } };
type Json = z.output<typeof jsonObject>;

/** Moving live buckets between backends: one's own for everybody, all for administrators. */
@ApiTags('moves')
@Controller('admin/v1/migrations')
@UseGuards(AccessGuard)
@ForUsers()
export class MigrationsController {
  constructor(
    @Inject(DEPLOYMENT) private readonly deployment: Deployment,
    private readonly shutdown: Shutdown,
    private readonly own: OwnBuckets,
  ) {}

  @Get()
  @Describe({
    id: 'listMigrations',
    summary: 'List migrations, newest first',
    query: listQuery,
    answer: { description: 'A page', schema: migrationList },
    refusals: [400, 403, 404],
  })
  async list(@AskedBy() { context }: Caller, @QueryOf(listQuery) query: z.output<typeof listQuery>) {
    const { bucket } = query;
    if (bucket === undefined && !context.actor.isAdmin)
      throw new RequestError('access-denied', 'name a bucket of yours; all migrations are for administrators only');
    await this.own.assertByName(context, bucket);
    const page = { ...pageOf(query), ...(bucket === undefined ? {} : { bucket }) };
    return shownPage(await this.deployment.migrations.list(page), (migration) => migration);
  }

  @Post()
  @Describe({
    id: 'startMigration',
    summary: 'Start moving a bucket to another backend',
    body: { schema: migrationInput, example },
    answer: { status: 202, description: 'Begun', schema: migrationView },
    refusals: [400, 403, 404, 409, 413],
  })
  async start(@AskedBy() { context }: Caller, @JsonBody(jsonObject) body: Json) {
    await this.own.assertByName(context, body['bucket']);
    return this.deployment.migrations.start(context, body);
  }

  @Post('plan')
  @ChangesNoConfiguration()
  @Describe({
    id: 'planMigration',
    summary: 'Say what a migration would do, and what the destination could not hold',
    body: { schema: migrationInput, example },
    answer: { description: 'The plan; nothing was begun', schema: migrationPlan },
    refusals: [400, 403, 404, 409, 413],
  })
  async plan(@AskedBy() { context }: Caller, @JsonBody(jsonObject) body: Json) {
    await this.own.assertByName(context, body['bucket']);
    return this.deployment.migrations.plan(context, body);
  }

  @Shows(MIGRATION)
  get(@AskedBy() caller: Caller, @Param('id') id: string) {
    return this.#own(caller, id);
  }

  @Watches(MIGRATION)
  async watch(@AskedBy() caller: Caller, @Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    await this.#own(caller, id);
    const { migrations } = this.deployment;
    await streamEvents(caller.exchange, reply, this.shutdown, {
      name: 'progress',
      open: (signal) => migrations.watch(id, signal),
      allowed: async () => this.#own(await asNow(this.deployment, caller), id),
    });
  }

  @Steers('pause', MIGRATION)
  async pause(@AskedBy() caller: Caller, @Param('id') id: string) {
    await this.#own(caller, id);
    return this.deployment.migrations.pause(id);
  }

  @Steers('resume', MIGRATION, 'Resume a migration; of a failed one, start it again')
  async resume(@AskedBy() caller: Caller, @Param('id') id: string) {
    await this.#own(caller, id);
    return this.deployment.migrations.resume(id);
  }

  @Steers(
    'cancel',
    MIGRATION,
    'Cancel a migration: what was moved stays moved and readable, new writes go to the source again',
  )
  async cancel(@AskedBy() caller: Caller, @Param('id') id: string) {
    await this.#own(caller, id);
    return this.deployment.migrations.cancel(id);
  }

  async #own({ context }: Caller, id: string): Promise<MigrationView> {
    const migration = await this.deployment.migrations.get(id);
    await this.own.assertById(context, migration.bucketId);
    return migration;
  }
}
