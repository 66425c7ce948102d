import { CRASH_POINTS, type CrashPoint, type ReachPoint } from '#libs/objects';
import { invalid } from '../errors.js';

/** Where, and at which of its visits there, a process ends itself. */
export interface CrashPlan {
  readonly point: CrashPoint;
  readonly time: number;
  /** Which process; undefined: whichever is there first. */
  readonly role: 'api' | 'worker' | undefined;
}

/** Reads `<point>[:<n>][@api|@worker]`. Fails with `invalid-setting`, naming the points there are. */
export function parseCrashPlan(text: string): CrashPlan {
  const [, name, time = '1', role] = /^([a-z-]+)(?::(\d+))?(?:@(api|worker))?$/.exec(text) ?? [];
  const point = CRASH_POINTS.find((one) => one === name);
  if (point === undefined) {
    const message = `expected one of ${CRASH_POINTS.join(', ')}, then :<n> and @api or @worker if wanted`;
    throw invalid('invalid-setting', 'these settings are wrong', [{ path: 'SPUMONI_CRASH_AT', message }]);
  }
  return { point, time: Number(time), role: role === 'api' || role === 'worker' ? role : undefined };
}

/**
 * What the domain calls at each named point: nothing in production. With a plan, which tests alone give, the process kills itself there (SIGKILL: no handler, no flush),
 * and never comes back from the call.
 */
export function reachOf(setting: string | undefined, role: 'api' | 'worker'): ReachPoint {
  if (setting === undefined) return () => undefined;
  const plan = parseCrashPlan(setting);
  let visits = 0;
  return (point) => {
    if (point !== plan.point || (plan.role ?? role) !== role) return undefined;
    visits += 1;
    if (visits !== plan.time) return undefined;
    process.kill(process.pid, 'SIGKILL');
    return new Promise<void>(() => undefined);
  };
}
