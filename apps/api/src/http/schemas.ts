import { STATUS_CODES } from 'node:http';
import { z } from 'zod';

type Schema = Record<string, unknown>;

/** Schemas that have a name in the description of the API, and are referred to by it. */
const named = z.registry<{ id: string }>();

/** Gives a schema its name in the description of the API. */
export function component<S extends z.ZodType>(id: string, schema: S): S {
  named.add(schema, { id });
  return schema;
}

/** The JSON Schema (2020-12) of a zod schema: a reference where it has a name. */
export function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Schema {
  const name = named.get(schema)?.id;
  if (name !== undefined) return { $ref: `#/components/schemas/${name}` };
  const { $schema: _, ...plain } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      const inner = named.get(zodSchema)?.id;
      if (inner === undefined) return;
      for (const member of Object.keys(jsonSchema)) Reflect.deleteProperty(jsonSchema, member);
      jsonSchema.$ref = `#/components/schemas/${inner}`;
    },
  });
  return plain;
}

/** Every named schema. */
export function componentSchemas(): Record<string, Schema> {
  const { schemas } = z.toJSONSchema(named, {
    io: 'output',
    unrepresentable: 'any',
    uri: (id) => `#/components/schemas/${id}`,
  });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $schema: _, $id: __, ...schema }]) => [id, schema as Schema]),
  );
}

/** The body of every error. */
export const problemSchema = component(
  'Problem',
  z
    .looseObject({
      type: z.string().describe('`urn:spumoni:problem:` and the code'),
      title: z.string(),
      status: z.number().int(),
      code: z.string().describe('Stable; what programs should look at'),
      detail: z.string().describe('What was wrong and what was expected, for people'),
      requestId: z.string().describe('Also in the `X-Request-Id` header and in the log'),
    })
    .describe('RFC 9457; further members are facts that depend on the code'),
);

export function statusText(status: number): string {
  return STATUS_CODES[status] ?? String(status);
}

/** The headers that matter beside a refusal. */
export function refusalHeaders(status: number): Record<string, { description: string; schema: { type: 'string' } }> {
  const header = (description: string) => ({ description, schema: { type: 'string' as const } });
  if (status === 401) return { 'WWW-Authenticate': header('`Basic realm="spumoni"`') };
  if (status === 503 || status === 429) return { 'Retry-After': header('Seconds') };
  return {};
}
