import type { OpenAPIObject } from '@nestjs/swagger';
import { refusalHeaders, schemaOf, statusText } from '../http/schemas.js';
import { objectChange } from '../objects/change-object.js';
import { linkWish } from '../objects/make-link.js';
import { OBJECT_OPERATIONS, type ObjectOperationId } from '../objects/object-operations.js';
import { OBJECT_DESCRIPTIONS, type ObjectDescription } from './object-descriptions.js';

type Paths = OpenAPIObject['paths'];
type Operation = NonNullable<Paths[string]['get']>;

const PATH = '/v1/{bucket}/{object}';
const ALWAYS = [400, 401, 403, 404, 429, 500, 503];

/** The path that `ObjectEndpoint` serves, described from its own table of operations. OpenAPI knows one operation a method: those that a query parameter tells apart are put together. */
export function describeObjects(): Paths {
  const methods: Record<string, Operation> = {};
  for (const { id, method } of OBJECT_OPERATIONS) {
    const name = method.toLowerCase();
    const before = methods[name];
    methods[name] = before ? together(before, operationOf(id)) : operationOf(id);
  }
  return { [PATH]: methods };
}

function operationOf(id: ObjectOperationId): Operation {
  const description: ObjectDescription = OBJECT_DESCRIPTIONS[id];
  const refusals = [...new Set([...ALWAYS, ...description.refusals])].sort((a, b) => a - b);
  return {
    operationId: id,
    summary: description.summary,
    description: description.description,
    tags: ['objects'],
    parameters: [...PATH_PARAMETERS, ...description.parameters],
    ...(description.body ? { requestBody: bodyOf(description.body) } : {}),
    responses: { ...description.answers, ...Object.fromEntries(refusals.map(refusalOf)) },
  };
}

function refusalOf(status: number): [string, Operation['responses'][string]] {
  const content = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
  return [String(status), { description: statusText(status), headers: refusalHeaders(status), content }];
}

const PATH_PARAMETERS: NonNullable<Operation['parameters']> = [
  { name: 'bucket', in: 'path', required: true, schema: { type: 'string' }, example: 'my-first-bucket' },
  {
    name: 'object',
    in: 'path',
    required: true,
    description: 'The key: percent-encoded, `/` as itself or as `%2F`; decoded once and never normalised',
    schema: { type: 'string' },
    example: 'hello.txt',
  },
];

function bodyOf(body: 'bytes' | 'change' | 'link'): NonNullable<Operation['requestBody']> {
  if (body === 'bytes') {
    const bytes = { schema: { type: 'string', format: 'binary' }, example: 'Hello, clouds!' } as const;
    return { content: { 'application/octet-stream': bytes, 'text/plain': bytes } };
  }
  if (body === 'link')
    return { content: { 'application/json': { schema: schemaOf(linkWish, 'input'), example: { expiresIn: 3600 } } } };
  return {
    required: true,
    content: {
      'application/json': { schema: schemaOf(objectChange, 'input'), example: { metadata: { colour: 'green' } } },
    },
  };
}

/** What 200 says, whichever of the two it was. */
function answersOf(one: Operation, other: Operation): Operation['responses'] {
  const [first, second] = [one, other].map(({ responses }) => responses['200']);
  if (!first || !second || JSON.stringify(first) === JSON.stringify(second)) return {};
  if ('$ref' in first || '$ref' in second) throw new Error('answers that are told apart have no name');
  const schemas = [first, second].map(({ content }) => content?.['application/json']?.schema ?? {});
  const description = `${first.description}; or: ${second.description}`;
  return { 200: { ...first, description, content: { 'application/json': { schema: { anyOf: schemas } } } } };
}

function together(one: Operation, other: Operation): Operation {
  const known = new Set((one.parameters ?? []).map((parameter) => ('name' in parameter ? parameter.name : '')));
  const more = (other.parameters ?? []).filter((parameter) => !('name' in parameter && known.has(parameter.name)));
  return {
    ...one,
    summary: `${one.summary ?? ''}; or: ${other.summary ?? ''}`,
    description: `${one.description ?? ''}\n\n${other.description ?? ''}`,
    parameters: [...(one.parameters ?? []), ...more],
    ...(other.requestBody ? { requestBody: other.requestBody } : {}),
    responses: { ...one.responses, ...other.responses, ...answersOf(one, other) },
  };
}
