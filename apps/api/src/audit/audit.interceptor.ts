import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { from, lastValueFrom, type Observable } from 'rxjs';
import { exchangeOf, type Exchange } from '../http/exchange.js';
import { AuditTrail } from './audit-trail.js';
import { AUDITED, CHANGES_NOTHING, OPERATION_ID } from './audited.decorator.js';

/** Records every change that anybody asks of the control plane, by whichever route, and what is marked as `Audited`: before it is tried, and what came of it. */
@Injectable()
export class AuditInterceptor implements NestInterceptor {
  constructor(
    private readonly trail: AuditTrail,
    private readonly reflector: Reflector,
  ) {}

  async intercept(execution: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const exchange = exchangeOf(execution.switchToHttp().getRequest<FastifyRequest>().raw);
    const handler = execution.getHandler();
    if (!this.#isRecorded(exchange.request.method, handler)) return next.handle();
    const action = this.reflector.get<string | undefined>(OPERATION_ID, handler) ?? handler.name;
    const id = await this.trail.begin(exchange, action);
    return from(this.#change(id, exchange, next));
  }

  #isRecorded(method: string | undefined, handler: Parameters<Reflector['get']>[1]): boolean {
    const isMarked = (mark: string): boolean => this.reflector.get<boolean | undefined>(mark, handler) ?? false;
    return method === 'GET' || method === 'HEAD' ? isMarked(AUDITED) : !isMarked(CHANGES_NOTHING);
  }

  async #change(id: string, exchange: Exchange, next: CallHandler): Promise<unknown> {
    let answer: unknown;
    try {
      answer = await lastValueFrom(next.handle(), { defaultValue: undefined });
    } catch (error) {
      await this.trail.failed(id, exchange, error);
      throw error;
    }
    await this.trail.succeeded(id, exchange, answer);
    return answer;
  }
}
