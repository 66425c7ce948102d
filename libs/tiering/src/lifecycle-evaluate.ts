import type { Vendor } from '#libs/naming';
import { dueAt } from './lifecycle-due.js';
import type {
  LifecycleAction,
  LifecycleContext,
  LifecycleFilter,
  LifecycleRule,
  LifecycleSubject,
  LifecycleTransition,
} from './lifecycle-rules.js';
import { needsRestore } from './rehydration.js';
import { KIB_128 } from './storage-class.js';
import { compareColdness, findStorageClass, mayTransition } from './storage-classes.js';
import { classFor, findTierPolicy } from './tier-policy.js';

/**
 * `there`: nothing is left to do. `colder`: the object is on that backend, past or beside that class, so the step still says where it
 * belongs but asks for nothing; were it left out, an older rule could send the object away and this one fetch it back.
 */
type Standing = 'there' | 'colder' | 'legal' | 'illegal';

/** A transition read against one object: where it would end up, and since when it is due. */
interface Step {
  readonly ruleId: string;
  readonly due: number;
  readonly backend: string;
  readonly vendor: Vendor;
  readonly storageClass: string;
  readonly tier: string | undefined;
  readonly standing: Standing;
}

/**
 * What the rules ask for this object at this instant, or undefined for nothing. The order of the rules does not matter.
 *
 * Expiration wins over everything. Of a rule's transitions the last due one counts. Of several rules the latest due step
 * says on which backend the object belongs, and the coldest step for that backend says in which class. Steps that cannot
 * be taken are left out: a class the vendor lacks, a way up the waterfall, bytes that need a restore first, an object
 * under the minimum size (unless the rule filters by size itself, as on AWS). Carrying the answer out and asking again
 * comes to rest: no two rules send an object to and fro.
 */
export function evaluate(
  record: LifecycleSubject,
  rules: readonly LifecycleRule[],
  now: Date,
  context: LifecycleContext,
): LifecycleAction | undefined {
  const instant = now.getTime();
  const matching = rules.filter((rule) => rule.enabled && matches(rule.filter, record));
  const expiry = dueExpiry(record, matching, instant);
  if (expiry !== undefined) return { kind: 'expire', ruleId: expiry };
  const steps = matching.flatMap((rule) => {
    const step = lastDueStep(record, rule, instant, context);
    return step && step.standing !== 'illegal' ? [step] : [];
  });
  const latest = steps.toSorted((a, b) => b.due - a.due || byText(a.ruleId, b.ruleId))[0];
  if (!latest) return undefined;
  const here = steps.filter((step) => step.backend === latest.backend && step.standing !== 'colder');
  const best = here.toSorted(coldestFirst)[0];
  return best?.standing === 'legal' ? actionOf(best, record) : undefined;
}

/**
 * The first instant at which `evaluate` asks for something, given the object as it is now; it may lie in the past.
 * Undefined if the rules will never ask for anything.
 */
export function nextDue(
  record: LifecycleSubject,
  rules: readonly LifecycleRule[],
  context: LifecycleContext,
): Date | undefined {
  const matching = rules.filter((rule) => rule.enabled && matches(rule.filter, record));
  const moments = matching.flatMap((rule) => [
    ...(rule.transitions ?? []),
    ...(rule.expiration ? [rule.expiration] : []),
  ]);
  const instants = new Set(moments.map((moment) => dueAt(moment, record.lastModified)).filter(Number.isFinite));
  // The answer changes only where something falls due, so these are the only instants worth asking about.
  return [...instants]
    .toSorted((a, b) => a - b)
    .map((instant) => new Date(instant))
    .find((instant) => evaluate(record, matching, instant, context) !== undefined);
}

/** Does the filter take this object in? An empty filter takes every object. */
export function matches(filter: LifecycleFilter, record: LifecycleSubject): boolean {
  const tags = Object.entries(filter.tags ?? {});
  return (
    record.key.startsWith(filter.prefix ?? '') &&
    record.size >= (filter.sizeFrom ?? 0) &&
    record.size <= (filter.sizeTo ?? Infinity) &&
    tags.every(([name, value]) => record.tags[name] === value)
  );
}

function dueExpiry(record: LifecycleSubject, rules: readonly LifecycleRule[], instant: number): string | undefined {
  const due: { ruleId: string; at: number }[] = [];
  for (const { id, expiration } of rules) {
    const at = expiration ? dueAt(expiration, record.lastModified) : Infinity;
    if (at <= instant) due.push({ ruleId: id, at });
  }
  return due.toSorted((a, b) => a.at - b.at || byText(a.ruleId, b.ruleId))[0]?.ruleId;
}

function lastDueStep(
  record: LifecycleSubject,
  rule: LifecycleRule,
  instant: number,
  context: LifecycleContext,
): Step | undefined {
  let backend = record.backend;
  let last: { transition: LifecycleTransition; due: number; backend: string } | undefined;
  for (const transition of rule.transitions ?? []) {
    backend = transition.backend ?? backend;
    const due = dueAt(transition, record.lastModified);
    if (due <= instant && (!last || due >= last.due)) last = { transition, due, backend };
  }
  return last && stepOf(record, rule, last, context);
}

function stepOf(
  record: LifecycleSubject,
  rule: LifecycleRule,
  last: { transition: LifecycleTransition; due: number; backend: string },
  context: LifecycleContext,
): Step | undefined {
  const { transition, due, backend } = last;
  const vendor =
    backend === record.backend ? record.vendor : context.backends.find((one) => one.name === backend)?.vendor;
  const policy = transition.tier === undefined ? undefined : findTierPolicy(context.policies, transition.tier);
  if (!vendor || (transition.tier !== undefined && !policy)) return undefined;
  const named = policy ? classFor(policy, vendor) : (transition.storageClass ?? '');
  const storageClass = findStorageClass(vendor, named)?.name;
  if (storageClass === undefined) return undefined;
  const target = { ruleId: rule.id, due, backend, vendor, storageClass, tier: policy?.name };
  return { ...target, standing: standingOf(record, target, rule.filter) };
}

function standingOf(record: LifecycleSubject, step: Omit<Step, 'standing'>, filter: LifecycleFilter): Standing {
  const sameBackend = step.backend === record.backend;
  const sameClass = step.vendor === record.vendor && canonical(record) === step.storageClass;
  if (sameBackend && sameClass) return step.tier === undefined || sameName(step.tier, record.tier) ? 'there' : 'legal';
  if (!sameBackend && needsRestore(record.vendor, record.storageClass)) return 'illegal';
  if (
    step.vendor === record.vendor &&
    !sameClass &&
    !mayTransition(step.vendor, record.storageClass, step.storageClass)
  ) {
    return sameBackend ? 'colder' : 'illegal';
  }
  return record.size < minimumSize(step, filter) ? 'illegal' : 'legal';
}

/** AWS takes no object under 128 KB out of its default class, whatever the target; a filter by size lifts every minimum. */
function minimumSize(step: Pick<Step, 'vendor' | 'storageClass'>, filter: LifecycleFilter): number {
  if (filter.sizeFrom !== undefined || filter.sizeTo !== undefined) return 0;
  const target = findStorageClass(step.vendor, step.storageClass);
  if (!target || target.default) return 0;
  return step.vendor === 'aws' ? KIB_128 : target.minimumBytes;
}

function actionOf(step: Step, record: LifecycleSubject): LifecycleAction {
  return {
    kind: 'transition',
    ruleId: step.ruleId,
    storageClass: step.storageClass,
    ...(step.tier !== undefined && { tier: step.tier }),
    ...(step.backend !== record.backend && { backend: step.backend }),
  };
}

function coldestFirst(a: Step, b: Step): number {
  return compareColdness(a.vendor, b.storageClass, a.storageClass) || b.due - a.due || byText(a.ruleId, b.ruleId);
}

function canonical(record: LifecycleSubject): string {
  return findStorageClass(record.vendor, record.storageClass)?.name ?? record.storageClass;
}

function sameName(a: string, b: string | undefined): boolean {
  return a.toLowerCase() === b?.toLowerCase();
}

function byText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
