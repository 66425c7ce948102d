import { Controller, Get, Inject, Res, UseGuards } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Deployment } from '#libs/deployment';
import { AUDIT_RESULTS, type AuditFilter, type AuditRecord } from '#libs/metadata';
import { AccessGuard } from '../../http/access.guard.js';
import { Describe } from '../../http/describe.decorator.js';
import type { Exchange } from '../../http/exchange.js';
import { sendLines } from '../../http/line-stream.js';
import { pageOf, pageQuery, QueryOf, shownPage, TheExchange } from '../../http/parameters.js';
import { component } from '../../http/schemas.js';
import { DEPLOYMENT } from '../../tokens.js';

const auditView = component(
  'AuditRecord',
  z.object({
    id: z.string().describe('A decimal number; later records have larger ones'),
    at: z.iso.datetime(),
    actor: z.string().optional().describe("The user's name then; `system` for what Spumoni did by itself"),
    actorId: z.string().optional(),
    accessKey: z.string().optional().describe('`(unknown)`: one that nobody has'),
    action: z.string().describe('The operation, as `createKey`'),
    resource: z.string().describe('Path of the request, without its query'),
    remoteAddress: z.string().optional().describe("The other end of the connection: a proxy's, where there is one"),
    forwardedFor: z.string().optional().describe('What `X-Forwarded-For` claimed'),
    requestId: z.string().optional(),
    result: z
      .enum(AUDIT_RESULTS)
      .describe('`begun`: the change was to be tried, and its outcome was never recorded; look at the resource'),
    status: z.number().int().optional(),
    code: z.string().optional().describe('Of the problem that was answered'),
    count: z.number().int().describe('How many equal requests of that moment this record stands for'),
    details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).describe('Names, numbers, booleans'),
    settledAt: z.iso.datetime().optional(),
  }),
);
/** Records ids are the cursor. */
const after = z
  .string()
  .regex(/^\d{1,18}$/, 'expected the `next` of an earlier page, or the id of a record')
  .optional()
  .describe('Where to go on: `next` of the page before');
const filter = {
  from: z.iso.datetime({ offset: true }).optional().describe('Not before'),
  to: z.iso.datetime({ offset: true }).optional().describe('Before'),
  actor: z.string().min(1).optional().describe('Name or id of a user, or an access key'),
  action: z.string().min(1).optional(),
  resource: z.string().min(1).optional().describe('How the resource begins'),
  result: z.enum(AUDIT_RESULTS).optional(),
};
const listQuery = pageQuery.extend({ ...filter, after });
const exportQuery = z.strictObject({ ...filter, after: after.describe('Id of the last record that you have') });

type Filter = Omit<z.output<typeof exportQuery>, 'after'>;

const iso = (at: number): string => new Date(at).toISOString();

function show({ at, settledAt, ...record }: AuditRecord): z.output<typeof auditView> {
  return { ...record, at: iso(at), ...(settledAt === undefined ? {} : { settledAt: iso(settledAt) }) };
}

function filterOf({ from, to, actor, action, resource, result }: Filter): AuditFilter {
  return {
    ...(from === undefined ? {} : { from: Date.parse(from) }),
    ...(to === undefined ? {} : { to: Date.parse(to) }),
    ...(actor === undefined ? {} : { actor }),
    ...(action === undefined ? {} : { action }),
    ...(resource === undefined ? {} : { resource }),
    ...(result === undefined ? {} : { result }),
  };
}

const EXPORTED_AT_ONCE = 500;

/** Who asked for which change, and who was refused what. For administrators. */
@ApiTags('audit')
@Controller('admin/v1/audit')
@UseGuards(AccessGuard)
export class AuditController {
  constructor(@Inject(DEPLOYMENT) private readonly deployment: Deployment) {}

  @Get()
  @Describe({
    id: 'listAudit',
    summary: 'Look into the audit log, newest first',
    query: listQuery,
    answer: {
      description: 'A page',
      schema: z.object({ items: z.array(auditView), next: z.string().nullable() }),
    },
    refusals: [400, 403],
  })
  async list(@QueryOf(listQuery) query: z.output<typeof listQuery>) {
    return shownPage(await this.deployment.controlPlane.audit.list({ ...pageOf(query), ...filterOf(query) }), show);
  }

  @Get('export')
  @Describe({
    id: 'exportAudit',
    summary: 'Export the audit log, oldest first, a JSON document a line',
    query: exportQuery,
    answer: { description: 'Every record that the query asks for', schema: auditView, stream: 'application/x-ndjson' },
    refusals: [400, 403],
  })
  async export(
    @QueryOf(exportQuery) query: z.output<typeof exportQuery>,
    @TheExchange() exchange: Exchange,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await sendLines(exchange, reply, this.#pages(query));
  }

  async *#pages(query: z.output<typeof exportQuery>): AsyncGenerator<readonly object[]> {
    const { audit } = this.deployment.controlPlane;
    let { after: last } = query;
    do {
      const page = { limit: EXPORTED_AT_ONCE, ...(last === undefined ? {} : { after: last }) };
      const { items, next } = await audit.list({ ...page, ...filterOf(query), order: 'oldest' });
      yield items.map(show);
      last = next;
    } while (last !== undefined);
  }
}
