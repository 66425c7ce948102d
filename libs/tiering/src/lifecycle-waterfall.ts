import type { Vendor } from '#libs/naming';
import { DAY_MS } from './lifecycle-due.js';
import type { LifecycleContext, LifecycleMoment, LifecycleRule, LifecycleTransition } from './lifecycle-rules.js';
import type { Note } from './lifecycle-shape.js';
import { needsRestore } from './rehydration.js';
import { findStorageClass, legalClasses, mayTransition, storageClassesOf } from './storage-classes.js';
import { classFor, findTierPolicy } from './tier-policy.js';

/** Where the checked part of a rule has brought an object: on which backend (undefined: where it lay), in which class. */
interface Place {
  readonly backend: string | undefined;
  readonly vendor: Vendor;
  readonly storageClass: string | undefined;
}

/** The two sinks of a check: what makes a rule illegal, and what its author should know all the same. */
export interface Findings {
  readonly error: Note;
  readonly warn: Note;
}

/**
 * Follows an object through the transitions of a rule and answers them with canonical names. Errors: a backend, tier or
 * class nobody knows, a way up the vendor's waterfall, a move of bytes that first need a restore. Warnings: fees for
 * leaving a class before its minimum days, and classes that cannot be read at once.
 */
export function checkTransitions(
  rule: LifecycleRule,
  path: string,
  context: LifecycleContext,
  findings: Findings,
): readonly LifecycleTransition[] {
  let place: Place = { backend: undefined, vendor: context.vendor, storageClass: undefined };
  const checked: LifecycleTransition[] = [];
  for (const [index, transition] of (rule.transitions ?? []).entries()) {
    const at = `${path}.transitions[${index}]`;
    const next = placeAfter(transition, place, context, (field, message) => findings.error(`${at}.${field}`, message));
    // Later steps cannot be judged from a place nobody knows.
    if (!next) return checked;
    const field = transition.tier === undefined ? 'storageClass' : 'tier';
    checkStep({ from: place, to: next, byTier: field === 'tier' }, context, {
      error: (_, message) => findings.error(`${at}.${field}`, message),
      warn: (_, message) => findings.warn(`${at}.${field}`, message),
    });
    const following = rule.transitions?.[index + 1] ?? rule.expiration;
    warnOfStay(transition, following, next, (message) => findings.warn(at, message));
    checked.push(canonical(transition, next.storageClass, context));
    place = next;
  }
  return checked;
}

function placeAfter(
  transition: LifecycleTransition,
  from: Place,
  context: LifecycleContext,
  error: Note,
): (Place & { storageClass: string }) | undefined {
  const named = context.backends.find((one) => one.name === transition.backend);
  if (transition.backend !== undefined && !named) {
    const known = context.backends.map((one) => one.name).join(', ') || 'none is registered';
    error('backend', `unknown backend "${transition.backend}"; expected one of: ${known}`);
    return undefined;
  }
  const vendor = named?.vendor ?? from.vendor;
  const backend = named ? (named.name === context.home ? undefined : named.name) : from.backend;
  const storageClass = classAfter(transition, vendor, context, error);
  return storageClass === undefined ? undefined : { backend, vendor, storageClass };
}

function classAfter(
  transition: LifecycleTransition,
  vendor: Vendor,
  context: LifecycleContext,
  error: Note,
): string | undefined {
  if (transition.tier !== undefined) {
    const policy = findTierPolicy(context.policies, transition.tier);
    const known = context.policies.map((one) => one.name).join(', ') || 'there is none';
    if (!policy) error('tier', `unknown tier "${transition.tier}"; expected one of: ${known}`);
    return policy && classFor(policy, vendor);
  }
  const found = findStorageClass(vendor, transition.storageClass);
  const legal = legalClasses(vendor);
  if (!found)
    error('storageClass', `"${transition.storageClass}" is no storage class of ${vendor}; expected one of ${legal}`);
  return found?.name;
}

function checkStep(
  step: { from: Place; to: Place & { storageClass: string }; byTier: boolean },
  context: LifecycleContext,
  findings: Findings,
): void {
  const { from, to, byTier } = step;
  const stays = from.backend === to.backend;
  if (needsRestore(to.vendor, to.storageClass)) {
    findings.warn('', `objects in ${to.storageClass} of ${to.vendor} must be restored before they can be read`);
  }
  if (from.storageClass === undefined) {
    checkFirstStep(step, context, findings);
    return;
  }
  if (!stays && needsRestore(from.vendor, from.storageClass)) {
    const why = `objects in ${from.storageClass} must be restored before they can leave`;
    findings.error('', `${why}; no rule moves them to another backend`);
    return;
  }
  const sameClass = from.vendor === to.vendor && from.storageClass === to.storageClass;
  if (sameClass && stays && !byTier) findings.error('', `the step before already went to ${to.storageClass}`);
  if (from.vendor === to.vendor && !sameClass && !mayTransition(to.vendor, from.storageClass, to.storageClass)) {
    const legal = findStorageClass(from.vendor, from.storageClass)?.transitionsTo.join(', ') || 'nowhere';
    findings.error(
      '',
      `${to.vendor} lets no rule go from ${from.storageClass} to ${to.storageClass}; from there: ${legal}`,
    );
  }
}

/** The class an object has before its first step is not known, so only what no object could do is an error. */
function checkFirstStep(
  step: { from: Place; to: Place & { storageClass: string }; byTier: boolean },
  context: LifecycleContext,
  findings: Findings,
): void {
  const { from, to, byTier } = step;
  const reachable = storageClassesOf(to.vendor).some((one) => one.transitionsTo.includes(to.storageClass));
  if (reachable || from.vendor !== to.vendor) return;
  const why = `${to.vendor} lets no rule take an object to ${to.storageClass} from any other class`;
  if (from.backend !== to.backend) {
    if (storageClassesOf(to.vendor).length > 1)
      findings.warn('', `${why}: objects of another class stay where they are`);
    return;
  }
  const sharing = context.policies.filter((policy) => classFor(policy, to.vendor) === to.storageClass);
  if (!byTier || sharing.length < 2) findings.error('', why);
}

function warnOfStay(
  transition: LifecycleTransition,
  following: LifecycleMoment | undefined,
  to: Place & { storageClass: string },
  warn: (message: string) => void,
): void {
  const minimum = findStorageClass(to.vendor, to.storageClass)?.minimumDays ?? 0;
  const stay = following && daysBetween(transition, following);
  if (stay !== undefined && stay < minimum) {
    warn(`objects leave ${to.storageClass} after ${stay} days; ${to.vendor} bills for ${minimum} all the same`);
  }
  const infrequent = to.storageClass === 'STANDARD_IA' || to.storageClass === 'ONEZONE_IA';
  if (to.vendor === 'aws' && to.backend === undefined && infrequent && (transition.days ?? 30) < 30) {
    warn(`AWS's user guide asks for 30 days before ${to.storageClass}; AWS itself may refuse less`);
  }
}

/** Whole days from one moment to a later one; undefined when one counts in days and the other in dates. */
export function daysBetween(earlier: LifecycleMoment, later: LifecycleMoment): number | undefined {
  if (earlier.days !== undefined && later.days !== undefined) return later.days - earlier.days;
  if (earlier.date === undefined || later.date === undefined) return undefined;
  return (Date.parse(later.date) - Date.parse(earlier.date)) / DAY_MS;
}

function canonical(
  transition: LifecycleTransition,
  storageClass: string,
  context: LifecycleContext,
): LifecycleTransition {
  const { tier } = transition;
  if (tier !== undefined) return { ...transition, tier: findTierPolicy(context.policies, tier)?.name ?? tier };
  return { ...transition, storageClass };
}
