import type { LifecycleContext, LifecycleMoment, LifecycleRule } from './lifecycle-rules.js';
import { readRule, type LifecycleViolation, type Note } from './lifecycle-shape.js';
import { checkTransitions, daysBetween, type Findings } from './lifecycle-waterfall.js';

/** The most rules a bucket may have: S3's own limit. */
export const MAX_LIFECYCLE_RULES = 1000;

/**
 * The rules with canonical class and tier names and dates in one form, and what their author should know; or everything
 * that was wrong, by path.
 */
export type LifecycleVerdict =
  | { readonly rules: readonly LifecycleRule[]; readonly warnings: readonly LifecycleViolation[] }
  | { readonly violations: readonly LifecycleViolation[] };

/**
 * Checks the lifecycle rules of a bucket as a client sent them. An empty list is legal and means no rules. Warnings never
 * stop a rule: where the vendor's own pages disagree, or only money is at stake, the author is told and the vendor decides.
 */
export function validateLifecycle(input: { readonly rules?: unknown }, context: LifecycleContext): LifecycleVerdict {
  const violations: LifecycleViolation[] = [];
  const warnings: LifecycleViolation[] = [];
  const findings: Findings = {
    error: (path, message) => void violations.push({ path, message }),
    warn: (path, message) => void warnings.push({ path, message }),
  };
  for (const field of Object.keys(input)) {
    if (field !== 'rules') findings.error(field, 'unknown field; expected rules');
  }
  const rules = readRules(input.rules, context, findings);
  return violations.length > 0 ? { violations } : { rules, warnings };
}

function readRules(given: unknown, context: LifecycleContext, findings: Findings): readonly LifecycleRule[] {
  if (!Array.isArray(given)) {
    findings.error('rules', 'expected a list of rules');
    return [];
  }
  if (given.length > MAX_LIFECYCLE_RULES) {
    findings.error('rules', `expected at most ${MAX_LIFECYCLE_RULES} rules, not ${given.length}`);
    return [];
  }
  const firstAt = new Map<string, number>();
  return given.flatMap((value: unknown, index) => {
    const path = `rules[${index}]`;
    const rule = readRule(value, path, findings.error);
    if (!rule) return [];
    const before = firstAt.get(rule.id);
    if (before === undefined) firstAt.set(rule.id, index);
    else findings.error(`${path}.id`, `"${rule.id}" is the id of rules[${before}] already`);
    checkAges(rule, path, findings.error);
    const transitions = checkTransitions(rule, path, context, findings);
    return [transitions.length > 0 ? { ...rule, transitions } : rule];
  });
}

/** Steps get older one after the other, and the end comes after them all; days and dates in one rule cannot be compared. */
function checkAges(rule: LifecycleRule, path: string, error: Note): void {
  const transitions = rule.transitions ?? [];
  const moments: [string, LifecycleMoment][] = transitions.map((one, at) => [`${path}.transitions[${at}]`, one]);
  if (rule.expiration) moments.push([`${path}.expiration`, rule.expiration]);
  moments.slice(1).forEach(([at, later], index) => {
    const earlier = moments[index]?.[1];
    const days = earlier && daysBetween(earlier, later);
    const field = later.days === undefined ? 'date' : 'days';
    if (days === undefined) error(`${at}.${field}`, 'a rule counts in days or in dates, not in both');
    else if (days <= 0) error(`${at}.${field}`, 'expected a later time than the step before');
  });
}
