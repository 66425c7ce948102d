import { Inject, Injectable, SetMetadata, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import type { Deployment } from '#libs/deployment';
import { isAdmin, type Principal } from '#libs/identity';
import { OPERATION_ID } from '../audit/audited.decorator.js';
import { DEPLOYMENT } from '../tokens.js';
import { admit, authenticate } from './basic-credentials.js';
import { setCaller } from './caller.js';
import { exchangeOf } from './exchange.js';
import { RequestError } from './request-error.js';

const FOR_EVERYBODY = 'spumoni:for-everybody';

/** Marks a controller or route as open to every authenticated user; what they may touch is checked by what serves it. */
export const ForUsers = (): MethodDecorator & ClassDecorator => SetMetadata(FOR_EVERYBODY, true);

export function assertAdmin(principal: Principal): void {
  if (!isAdmin(principal)) throw new RequestError('access-denied', 'this is for administrators only');
}

/** Lets a request in if its key pair is right, and it is an administrator's unless the route is for users. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    @Inject(DEPLOYMENT) private readonly deployment: Deployment,
    private readonly reflector: Reflector,
  ) {}

  async canActivate(execution: ExecutionContext): Promise<boolean> {
    const request = execution.switchToHttp().getRequest<FastifyRequest>();
    const exchange = exchangeOf(request.raw);
    exchange.action = this.reflector.get<string>(OPERATION_ID, execution.getHandler());
    const { bucket } = request.params as { readonly bucket?: string };
    // What is administered of a bucket is no traffic of the bucket: its limits must be liftable when they are spent.
    const isTraffic = request.routeOptions.url?.startsWith('/v1/') ?? false;
    const principal = await authenticate(this.deployment, exchange);
    admit(this.deployment, exchange, principal, isTraffic ? bucket : undefined);
    const places = [execution.getHandler(), execution.getClass()];
    const isForUsers = this.reflector.getAllAndOverride<boolean | undefined>(FOR_EVERYBODY, places) ?? false;
    if (!isForUsers) assertAdmin(principal);
    setCaller(exchange, principal);
    return true;
  }
}
