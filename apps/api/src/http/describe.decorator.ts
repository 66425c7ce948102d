import { applyDecorators, HttpCode, SetMetadata } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiProduces, ApiQuery, ApiResponse } from '@nestjs/swagger';
import { z } from 'zod';
import { OPERATION_ID } from '../audit/audited.decorator.js';
import { refusalHeaders, schemaOf, statusText } from './schemas.js';

/** All that the description of the API says of a route. */
export interface RouteDescription {
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  readonly query?: z.ZodObject;
  readonly body?: { readonly schema: z.ZodType; readonly example: unknown; readonly required?: boolean };
  readonly answer: {
    readonly status?: number;
    readonly description: string;
    /** What 201 says, where a call that may make or change something answers it too. */
    readonly created?: string;
    readonly schema?: z.ZodType;
    /** The media type, where the answer is a stream of such values. */
    readonly stream?: 'text/event-stream' | 'application/x-ndjson' | 'application/gzip';
  };
  /** Statuses of refusals; 401, 429, 500 and 503 go without saying. */
  readonly refusals?: readonly number[];
  /** Needs no key pair. */
  readonly open?: true;
}

const ALWAYS = [401, 429, 500, 503] as const;

/** Describes a route for OpenAPI by the schemas that it checks with, and sets its status. */
export function Describe(route: RouteDescription): MethodDecorator {
  const { answer } = route;
  const status = answer.status ?? 200;
  const refusals = [...new Set([...(route.refusals ?? []), ...(route.open ? [] : ALWAYS)])].sort((a, b) => a - b);
  return applyDecorators(
    HttpCode(status),
    SetMetadata(OPERATION_ID, route.id),
    ApiOperation({
      operationId: route.id,
      summary: route.summary,
      ...(route.description === undefined ? {} : { description: route.description }),
      ...(route.open ? { security: [] } : {}),
    }),
    ...queryOf(route.query),
    ...(route.body
      ? [
          ApiBody({
            schema: schemaOf(route.body.schema, 'input'),
            required: route.body.required ?? true,
            examples: { example: { value: route.body.example } },
          }),
        ]
      : []),
    ...(answer.stream ? [ApiProduces(answer.stream)] : []),
    ApiResponse({ status, description: answer.description, ...contentOf(answer) }),
    ...(answer.created === undefined
      ? []
      : [ApiResponse({ status: 201, description: answer.created, ...contentOf(answer) })]),
    ...refusals.map((refusal) =>
      ApiResponse({
        status: refusal,
        description: statusText(refusal),
        headers: refusalHeaders(refusal),
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      }),
    ),
  );
}

function contentOf({ schema, stream }: RouteDescription['answer']): { content?: Record<string, { schema: object }> } {
  if (!schema) return {};
  const described = schemaOf(schema, 'output');
  const one = stream === 'text/event-stream' ? eventSchema(described) : described;
  return { content: { [stream ?? 'application/json']: { schema: one } } };
}

/** One event of a stream (WHATWG HTML, section 9.2): its data is JSON in text, that of the last one `{}`. */
function eventSchema(data: object): object {
  return {
    type: 'object',
    properties: {
      event: { type: 'string' },
      data: {
        type: 'string',
        contentMediaType: 'application/json',
        contentSchema: { anyOf: [data, { type: 'object', maxProperties: 0 }] },
      },
    },
    required: ['event', 'data'],
  };
}

function queryOf(query: z.ZodObject | undefined): MethodDecorator[] {
  if (!query) return [];
  return Object.entries(query.shape).map(([name, schema]) => {
    const { description, ...rest } = schemaOf(schema as z.ZodType, 'input') as { description?: string };
    const required = !(schema as z.ZodType).safeParse(undefined).success;
    return ApiQuery({ name, required, schema: rest, ...(description === undefined ? {} : { description }) });
  });
}
