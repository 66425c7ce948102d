import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
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
  const described = describeObjects();
  return {
    ...document,
    tags: TAGS.map((name) => ({ name })),
    paths: { ...document.paths, ...described },
    components: {
      ...document.components,
      schemas: componentSchemas() as NonNullable<OpenAPIObject['components']>['schemas'] & object,
    },
  };
}

const TAGS = ['buckets', 'objects', 'backends', 'tiers', 'names', 'moves', 'users', 'jobs', 'operations'];

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
