import type { Server } from 'node:http';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ApiModule, type ApiParts } from './api.module.js';
import { AuditTrail } from './audit/audit-trail.js';
import { answerProblem } from './http/answer-problem.js';
import { handleCors, refuseForeign } from './http/cors.js';
import { enrol, exchangeOf, setCommonHeaders, type Exchange } from './http/exchange.js';
import { createHttpServer } from './http/http-server.js';
import { limitJson } from './http/parameters.js';
import { ObjectEndpoint } from './objects/object-endpoint.js';
import { isObjectUrl } from './objects/object-path.js';
import { serveDocumentation } from './openapi/documentation.js';
import { countUsage } from './operations/count-usage.js';
import { Shutdown } from './operations/shutdown.js';
import { traceRequest } from './operations/trace-request.js';

/** Longest part of a path that is taken as a parameter. */
const MAX_PARAMETER = 4096;

/** The application, ready to listen. Objects are served before Fastify's router, everything else behind it; both go through the same beginning and end. */
export async function createApp(parts: ApiParts): Promise<NestFastifyApplication> {
  const serve: Serving = {};
  const adapter = new FastifyAdapter({
    serverFactory: (handler: Handler) => createHttpServer((exchange) => serveExchange(exchange, handler)),
    // The server does it, which knows what of a connection was asked for in full.
    clientErrorHandler: () => undefined,
    // Objects, for which a trailing slash matters, do not come this way.
    routerOptions: { maxParamLength: MAX_PARAMETER, ignoreTrailingSlash: true },
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      void reply.hijack();
      answerProblem(exchangeOf(request.raw), error, parts.logger);
    },
  });
  function serveExchange(exchange: Exchange, handler: Handler): void {
    follow(exchange, parts, serve);
    const tracing = parts.deployment?.tracing;
    if (tracing) traceRequest(exchange, tracing, () => route(exchange, handler));
    else route(exchange, handler);
  }
  function route(exchange: Exchange, handler: Handler): void {
    const { request, response } = exchange;
    const objects = isObjectUrl(request.url ?? '') ? serve.objects : undefined;
    // Objects at hand are answered with all headers at once, which costs less.
    if (!objects || request.headers.origin !== undefined) setCommonHeaders(exchange);
    const origins = parts.deployment?.settings.corsOrigins ?? [];
    if (handleCors(exchange, origins) || refuseForeign(exchange, origins, parts.logger)) return;
    if (objects) {
      void objects.serve(exchange);
      return;
    }
    enrol(exchange);
    handler(request, response);
  }
  const app = await NestFactory.create<NestFastifyApplication>(ApiModule.around(parts), adapter, {
    logger: ['error', 'fatal'],
    bodyParser: false,
    abortOnError: false,
  });
  serve.objects = app.get(ObjectEndpoint);
  serve.shutdown = app.get(Shutdown);
  serve.audit = app.get(AuditTrail);
  prepare(adapter.getInstance<FastifyInstance>(), parts);
  serveDocumentation(app, adapter.getInstance<FastifyInstance>());
  await app.init();
  return app;
}

/** What the server calls, once Nest has made it. */
interface Serving {
  objects?: ObjectEndpoint;
  shutdown?: Shutdown;
  audit?: AuditTrail;
}

type Handler = (request: Exchange['request'], response: Exchange['response']) => void;

function prepare(fastify: FastifyInstance, { deployment }: ApiParts): void {
  if (deployment) limitJson(fastify, deployment.settings.jsonLimitBytes);
  fastify.removeAllContentTypeParsers();
  // Bodies are read by the routes that want them, after they have let the caller in.
  fastify.addContentTypeParser('*', (_request, _body, done) => done(null));
  fastify.addHook('onRequest', (request, _reply, done) => {
    exchangeOf(request.raw).operation = request.routeOptions.url ?? 'unknown';
    done();
  });
}

/** Counts the exchange until its connection has the last byte, or is gone. */
function follow(exchange: Exchange, parts: ApiParts, { shutdown, audit }: Serving): void {
  const { logger, metrics } = parts;
  const { request, response, requestId } = exchange;
  metrics.begun();
  shutdown?.begun(exchange);
  // It comes once: `on` costs less than `once`.
  response.on('close', () => {
    metrics.ended(exchange);
    shutdown?.ended(exchange);
    if (parts.deployment) countUsage(exchange, parts.deployment.counters);
    if (exchange.limitedActor)
      parts.deployment?.traffic.spent(exchange.limitedActor, exchange.bucket, exchange.contentBytes ?? 0);
    if (response.statusCode === 401 || response.statusCode === 403) audit?.refused(exchange);
    const { operation, startedAt, userId, traceId } = exchange;
    const milliseconds = Math.round((performance.now() - startedAt) * 10) / 10;
    logger.debug(
      { requestId, operation, method: request.method, status: response.statusCode, milliseconds, userId, traceId },
      'served',
    );
  });
}

/** The server of an application that was made here. */
export function serverOf(app: NestFastifyApplication): Server {
  return app.getHttpServer();
}
