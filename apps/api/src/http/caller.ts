import type { Principal } from '#libs/identity';
import type { OperationContext } from '#libs/objects';
import type { Deployment } from '#libs/deployment';
import { authenticate, contextOf } from './basic-credentials.js';
import type { Exchange } from './exchange.js';

/** Who asks, as a controller needs it. */
export interface Caller {
  readonly principal: Principal;
  readonly context: OperationContext;
  readonly requestId: string;
  readonly exchange: Exchange;
}

const CALLERS = new WeakMap<Exchange, Caller>();

/** Called by the guard, once the request has been let in. */
export function setCaller(exchange: Exchange, principal: Principal): void {
  const context = contextOf(exchange, principal);
  CALLERS.set(exchange, { principal, context, requestId: exchange.requestId, exchange });
}

/** Who asks. Only behind the guard. */
export function callerOf(exchange: Exchange): Caller {
  const caller = CALLERS.get(exchange);
  if (!caller) throw new Error('a route that asks who calls must stand behind the access guard');
  return caller;
}

/** The same caller as of now: for what goes on for long. Fails as the guard does once the key pair opens nothing any more. */
export async function asNow(deployment: Deployment, caller: Caller): Promise<Caller> {
  const principal = await authenticate(deployment, caller.exchange);
  return { ...caller, principal, context: contextOf(caller.exchange, principal) };
}
