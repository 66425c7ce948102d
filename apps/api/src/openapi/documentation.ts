import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { PROBLEM_TYPE } from '../http/problem.js';
import { componentSchemas } from '../http/schemas.js';
import '../objects/object-schemas.js';
import { describeObjects } from './object-paths.js';

/** Scripts and styles come from this server alone. */
const CONTENT_SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The description of the API, made from the routes and schemas that serve it (OpenAPI 3.1). */
export function describeApi(app: NestFastifyApplication): OpenAPIObject {
  const head = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Spumoni')
    .setDescription(
      'One place to run object storage that lives in many clouds. Errors are `application/problem+json` with a stable `code`.',
    )
    .setVersion('1')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addServer('/', 'This server')
    .addBasicAuth({ type: 'http', scheme: 'basic', description: 'Access key and secret key' }, 'keys')
    .addSecurityRequirements('keys')
    .build();
  const document = SwaggerModule.createDocument(app, head);
  const paths = { ...document.paths, ...describeObjects() };
  const schemas = componentSchemas() as Schemas;
  return {
    ...document,
    tags: TAGS.map((name) => ({ name })),
    paths,
    components: { ...document.components, schemas, responses: nameRefusals(paths) },
  };
}

type Components = NonNullable<OpenAPIObject['components']>;
type Schemas = NonNullable<Components['schemas']>;
type Responses = NonNullable<Components['responses']>;

/** Puts the refusals, which are the same everywhere, under `components` and refers to them. */
function nameRefusals(paths: OpenAPIObject['paths']): Responses {
  const named: Responses = {};
  for (const methods of Object.values(paths)) {
    for (const operation of Object.values(methods) as { responses?: Responses }[]) {
      for (const [status, response] of Object.entries(operation.responses ?? {})) {
        if (!operation.responses || '$ref' in response || !response.content?.[PROBLEM_TYPE]) continue;
        named[`Problem${status}`] = response;
        operation.responses[status] = { $ref: `#/components/responses/Problem${status}` };
      }
    }
  }
  return named;
}

const TAGS = [
  'buckets',
  'objects',
  'backends',
  'tiers',
  'names',
  'moves',
  'encryption',
  'users',
  'jobs',
  'audit',
  'usage',
  'events',
  'operations',
];

/** Swagger UI at `/docs`, its assets with it: it works without a network. The document is at `/docs-json` and `/docs-yaml`. */
export function serveDocumentation(app: NestFastifyApplication, fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    if (request.raw.url?.startsWith('/docs')) void reply.header('Content-Security-Policy', CONTENT_SECURITY_POLICY);
    done();
  });
  SwaggerModule.setup('docs', app, () => describeApi(app), {
    customSiteTitle: 'Spumoni',
    swaggerOptions: { persistAuthorization: true, displayRequestDuration: true, tagsSorter: undefined },
  });
}
