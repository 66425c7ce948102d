import { Catch, Inject, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from '#libs/deployment';
import { LOGGER } from '../tokens.js';
import { answerProblem } from './answer-problem.js';
import { exchangeOf } from './exchange.js';

/** Every failure of a controller, a guard or a parameter becomes `application/problem+json`. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const reply = http.getResponse<FastifyReply>();
    if (!reply.sent) reply.hijack();
    answerProblem(exchangeOf(http.getRequest<FastifyRequest>().raw), error, this.logger);
  }
}
