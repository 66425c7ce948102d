import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { parseQuery } from '../objects/object-path.js';
import { callerOf } from './caller.js';
import { exchangeOf } from './exchange.js';
import { parseWith, readJson } from './json-body.js';

function requestOf(execution: ExecutionContext): FastifyRequest {
  return execution.switchToHttp().getRequest<FastifyRequest>();
}

/** Who asks: a `Caller`. */
export const AskedBy = createParamDecorator((_: unknown, execution: ExecutionContext) =>
  callerOf(exchangeOf(requestOf(execution).raw)),
);

/** The exchange of this request. */
export const TheExchange = createParamDecorator((_: unknown, execution: ExecutionContext) =>
  exchangeOf(requestOf(execution).raw),
);

/** A schema in a wrapping: bare, its `transform` would make Nest take it for a pipe, and under the name `schema` for options of its own. */
interface Checked {
  readonly checkedBy: z.ZodType;
}

/** The JSON body as the schema has it. Read only after the guard has let the request in. */
export const JsonBody = (schema: z.ZodType): ParameterDecorator => jsonBody({ checkedBy: schema });

const jsonBody = createParamDecorator(async ({ checkedBy }: Checked, execution: ExecutionContext) => {
  const request = requestOf(execution);
  const limit = jsonLimits.get(request.server) ?? DEFAULT_JSON_LIMIT;
  const exchange = exchangeOf(request.raw);
  const body = await readJson(exchange, { limit });
  exchange.input = parseWith(checkedBy, body ?? {}, 'the body is not right');
  return exchange.input;
});

/** The query as the schema has it; parameters that are not in it are refused. */
export const QueryOf = (schema: z.ZodType): ParameterDecorator => queryOf({ checkedBy: schema });

const queryOf = createParamDecorator(({ checkedBy }: Checked, execution: ExecutionContext) => {
  const url = requestOf(execution).raw.url ?? '';
  const question = url.indexOf('?');
  const query = question === -1 ? new Map<string, string>() : parseQuery(url.slice(question + 1));
  return parseWith(checkedBy, Object.fromEntries(query), 'the query is not right');
});

const DEFAULT_JSON_LIMIT = 1024 * 1024;
const jsonLimits = new WeakMap<object, number>();

/** Says how large JSON bodies may be on this server. */
export function limitJson(server: FastifyInstance, bytes: number): void {
  jsonLimits.set(server, bytes);
}

const DECIMAL = /^\d{1,15}$/;

/** What the schema of a number in a query says of anything else. */
export const IN_DIGITS = { error: 'expected a whole number, in decimal digits' };

/** A number in a query: decimal digits and nothing else, so that neither an empty text nor `1e3` passes for one. */
export function inQuery<Of extends z.ZodType<number | undefined>>(number: Of) {
  return z.preprocess((text) => (typeof text === 'string' && DECIMAL.test(text) ? Number(text) : text), number);
}

/** A part of a path: not empty. */
export const pathPart = z.string().min(1).max(1024);

/** `?limit=`, where it is absent `byDefault`. */
export function pageLimit(byDefault: number) {
  return inQuery(z.number(IN_DIGITS).int().min(1).max(1000).default(byDefault)).describe('Items a page, 1 to 1,000');
}

/** `?limit=&after=` of every list. */
export const pageQuery = z.strictObject({
  limit: pageLimit(100),
  after: z.string().min(1).optional().describe('Where to go on: `next` of the page before'),
});

/** A page request without the members that are undefined. */
export function pageOf(query: { readonly limit: number; readonly after?: string | undefined }): {
  readonly limit: number;
  readonly after?: string;
} {
  return { limit: query.limit, ...(query.after === undefined ? {} : { after: query.after }) };
}

/** A page as it is answered: `next` is null on the last. */
export function shownPage<T, U>(
  page: { readonly items: readonly T[]; readonly next?: string },
  show: (item: T) => U,
): { readonly items: readonly U[]; readonly next: string | null } {
  return { items: page.items.map(show), next: page.next ?? null };
}
