import { Inject, Injectable } from '@nestjs/common';
import type { Deployment, Logger } from '#libs/deployment';
import type { Principal } from '#libs/identity';
import { answerProblem } from '../http/answer-problem.js';
import { admit, authenticate, authenticateAtOnce, contextOf } from '../http/basic-credentials.js';
import { setCommonHeaders, type Exchange } from '../http/exchange.js';
import { RequestError } from '../http/request-error.js';
import { DEPLOYMENT, LOGGER } from '../tokens.js';
import { authenticateLink, bringsLink } from './link-access.js';
import { OBJECT_OPERATIONS, type ObjectOperation } from './object-operations.js';
import { parseObjectUrl, refuseUnknown, type ObjectPath } from './object-path.js';
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
      const { url = '', method = '' } = exchange.request;
      const { principal, path } = bringsLink(url)
        ? await this.#byLink(exchange, url)
        : (this.#byKeyAtOnce(exchange, url) ?? (await this.#byKey(exchange, url)));
      const { bucket, key, query } = path;
      const operation = operationOf(method, query);
      exchange.operation = operation.id;
      exchange.bucket = bucket;
      admit(this.deployment, exchange, principal, bucket);
      refuseUnknown(query, operation.query);
      const context = contextOf(exchange, principal);
      const asked = { exchange, context, bucket, key, query };
      if (operation.atOnce?.(this.deployment, asked)) return;
      if (UPLOADS.has(operation.id)) await this.#uploads.run(() => operation.handle(this.deployment, asked));
      else await operation.handle(this.deployment, asked);
    } catch (error) {
      if (!exchange.response.headersSent) setCommonHeaders(exchange);
      answerProblem(exchange, error, this.logger);
    }
  }

  async #byKey(exchange: Exchange, url: string): Promise<Asker> {
    const principal = await authenticate(this.deployment, exchange);
    return { principal, path: parseObjectUrl(url) };
  }

  #byKeyAtOnce(exchange: Exchange, url: string): Asker | undefined {
    const principal = authenticateAtOnce(this.deployment, exchange);
    return principal && { principal, path: parseObjectUrl(url) };
  }

  /** The answer is for who holds the link alone, and the page that it may open is not to tell others where it came from. */
  async #byLink(exchange: Exchange, url: string): Promise<Asker> {
    exchange.response.setHeader('Referrer-Policy', 'no-referrer');
    exchange.response.setHeader('Cache-Control', 'private');
    const path = parseObjectUrl(url);
    const principal = await authenticateLink(this.deployment, exchange, path);
    return { principal, path: { ...path, query: new Map() } };
  }
}

/** Whom a request acts for, and what it is about. */
interface Asker {
  readonly principal: Principal;
  readonly path: ObjectPath;
}

/** What takes bytes of objects in, for as long as a client takes to send them. */
const UPLOADS: ReadonlySet<string> = new Set(['putObject', 'beginUpload', 'appendUpload']);

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
  const selected = ofMethod.find(({ selector }) => selector !== undefined && query.has(selector));
  const found = selected ?? ofMethod.find(({ selector }) => selector === undefined);
  if (found) return found;
  const selectors = ofMethod.map(({ selector }) => selector ?? '').join(' or ');
  throw new RequestError('invalid-request', `${method} on an object needs the query parameter ${selectors}`);
}
