import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CRASH_POINTS, type CrashPoint, type ReachPoint } from '#libs/objects';
import { invalid } from '../errors.js';

type Role = 'api' | 'worker';

/** Where, and at which of its visits there, a process ends itself. */
export interface CrashPlan {
  readonly point: CrashPoint;
  readonly time: number;
  /** Which process; undefined: whichever is there first. */
  readonly role: Role | undefined;
}

/** As setting: the plan is in the file of this name in the data directory, which a test may write again and again. */
const AS_TOLD = 'as-told';
const ORDER = 'crash-at';
/** In the data directory once a process has ended itself; holds the plan. */
const DONE = 'crashed-at';

/** Reads `<point>[:<n>][@api|@worker]`. Fails with `invalid-setting`, naming the points there are. */
export function parseCrashPlan(text: string): CrashPlan {
  const [, name, time = '1', role] = /^([a-z-]+)(?::(\d+))?(?:@(api|worker))?$/.exec(text) ?? [];
  const point = CRASH_POINTS.find((one) => one === name);
  if (point === undefined) {
    const message = `expected ${AS_TOLD}, or one of ${CRASH_POINTS.join(', ')}, then :<n> and @api or @worker if wanted`;
    throw invalid('invalid-setting', 'these settings are wrong', [{ path: 'SPUMONI_CRASH_AT', message }]);
  }
  return { point, time: Number(time), role: role === 'api' || role === 'worker' ? role : undefined };
}

/** Undefined when the error says no more than that somebody else was first, or that nothing was ordered. */
function unless<T>(code: string, action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (typeof error === 'object' && error !== null && 'code' in error && error.code === code) return undefined;
    throw error;
  }
}

/** A plan, and how one process alone gets hold of it: false if it was carried out before. */
interface Order {
  readonly text: string;
  readonly take: () => boolean;
}

function fixedOrder(text: string, directory: string): () => Order {
  parseCrashPlan(text);
  const take = (): boolean =>
    unless('EEXIST', () => {
      writeFileSync(join(directory, DONE), text, { flag: 'wx' });
      return true;
    }) ?? false;
  return () => ({ text, take });
}

function toldOrder(directory: string): () => Order | undefined {
  const file = join(directory, ORDER);
  const take = (): boolean =>
    unless('ENOENT', () => {
      renameSync(file, join(directory, DONE));
      return true;
    }) ?? false;
  return () => unless('ENOENT', () => ({ text: readFileSync(file, 'utf8').trim(), take }));
}

/**
 * What the domain calls at each named point: nothing in production. With a plan, which tests alone give, the process kills itself there (SIGKILL: no handler, no flush),
 * and never comes back from the call. A plan is carried out once in a data directory, not again by the process that is started in the dead one's place; what says so is synced by nobody, as only
 * the process dies.
 */
export function reachOf(setting: string | undefined, role: Role, dataDirectory: string): ReachPoint {
  if (setting === undefined) return () => undefined;
  const current = setting === AS_TOLD ? toldOrder(dataDirectory) : fixedOrder(setting, dataDirectory);
  let counted = '';
  let visits = 0;
  return (point) => {
    const order = current();
    if (order === undefined) return undefined;
    if (order.text !== counted) [counted, visits] = [order.text, 0];
    const plan = parseCrashPlan(order.text);
    if (point !== plan.point || (plan.role ?? role) !== role) return undefined;
    visits += 1;
    if (visits !== plan.time || !order.take()) return undefined;
    process.kill(process.pid, 'SIGKILL');
    return new Promise<void>(() => undefined);
  };
}
