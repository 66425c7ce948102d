import { Inject, Injectable } from '@nestjs/common';
import type { Deployment, Logger } from '#libs/deployment';
import { answerProblem } from '../http/answer-problem.js';
import { admit, authenticate, authenticateAtOnce, contextOf } from '../http/basic-credentials.js';
import { setCommonHeaders, type Exchange } from '../http/exchange.js';
import { RequestError } from '../http/request-error.js';
import { DEPLOYMENT, LOGGER } from '../tokens.js';
import { OBJECT_OPERATIONS, type ObjectOperation } from './object-operations.js';
import { parseObjectUrl, refuseUnknown } from './object-path.js';
import { UploadsUnderWay } from './uploads-under-way.js';

/**
 * Serves `/v1/{bucket}/{object}` on the raw request and answer: Nest's pipeline costs a small request as much as all its work, and a router's decoding would change keys.
 * Every failure is answered; nothing is thrown.
 */
@Injectable()
export class ObjectEndpoint {
  readonly #uploads: UploadsUnderWay;

  constructor(
    @Inject(DEPLOYMENT) private readonly deployment: Deployment,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.#uploads = new UploadsUnderWay((deployment as Deployment | undefined)?.settings.parallelUploads ?? 0);
  }

  async serve(exchange: Exchange): Promise<void> {
    try {
      const { request } = exchange;
      const principal =
        authenticateAtOnce(this.deployment, exchange) ?? (await authenticate(this.deployment, exchange));
      const { bucket, key, query } = parseObjectUrl(request.url ?? '');
      const operation = operationOf(request.method ?? '', query);
      exchange.operation = operation.id;
      exchange.bucket = bucket;
      admit(this.deployment, exchange, principal, bucket);
      refuseUnknown(query, operation.query);
      const context = contextOf(exchange, principal);
      const asked = { exchange, context, bucket, key, query };
      if (operation.atOnce?.(this.deployment, asked)) return;
      setCommonHeaders(exchange);
      if (operation.id === 'putObject') await this.#uploads.run(() => operation.handle(this.deployment, asked));
      else await operation.handle(this.deployment, asked);
    } catch (error) {
      if (!exchange.response.headersSent) setCommonHeaders(exchange);
      answerProblem(exchange, error, this.logger);
    }
  }
}

const BY_METHOD: ReadonlyMap<string, readonly ObjectOperation[]> = Map.groupBy<string, ObjectOperation>(
  OBJECT_OPERATIONS,
  ({ method }) => method,
);

function operationOf(method: string, query: ReadonlyMap<string, string>): ObjectOperation {
  const ofMethod = BY_METHOD.get(method);
  if (!ofMethod) {
    const allow = [...BY_METHOD.keys()].join(', ');
    throw new RequestError('method-not-allowed', `${method} is not offered for objects; expected: ${allow}`, {
      facts: { allow },
    });
  }
  const found = ofMethod.find(({ selector }) => selector === undefined || query.has(selector));
  if (found) return found;
  const selectors = ofMethod.map(({ selector }) => selector ?? '').join(' or ');
  throw new RequestError('invalid-request', `${method} on an object needs the query parameter ${selectors}`);
}
