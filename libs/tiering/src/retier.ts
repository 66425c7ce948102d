import type { Vendor } from '#libs/naming';
import { DAY_MS } from './lifecycle-due.js';
import { isReachedByRules, type RuleReading } from './lifecycle-reach.js';
import type { LifecycleSubject } from './lifecycle-rules.js';
import { needsRestore } from './rehydration.js';
import { defaultStorageClass, findStorageClass } from './storage-classes.js';
import { classFor, type TierPolicy } from './tier-policy.js';

/** What retiering needs of an object record. */
export interface RetierSubject extends LifecycleSubject {
  /** The tier or class was asked for this object itself. */
  readonly ownTier?: boolean;
}

/**
 * How an object stands to its bucket's policy. `as-meant`: nothing is to be done. `class`: it lies in another class than the policy means now. `name`: in the right class, under another tier's name.
 * Left alone are `own`, whose tier or class was chosen for the object itself or by a lifecycle rule, and `archived`, whose bytes would have to be restored first.
 */
export type RetierKind = 'as-meant' | 'class' | 'name' | 'own' | 'archived';

export interface RetierVerdict {
  readonly kind: RetierKind;
  /** The class it lies in, by its canonical name. */
  readonly from: string;
  /** The class that the policy means for it where it lies. */
  readonly to: string;
}

/**
 * Judges one object against the policy of its bucket. A class without a tier that is not its vendor's default was chosen by somebody too: such objects are `own`. So are those that the bucket's rules, if they are given, would bring
 * to where they lie if they lay where the policy means: records of earlier versions do not say that a rule chose, and what a rule did would only be undone and done again.
 * Carrying out what it asks for and judging again answers `as-meant`.
 */
export function judgeRetier(object: RetierSubject, policy: TierPolicy, reading?: RuleReading): RetierVerdict {
  const { vendor, tier } = object;
  const from = canonical(vendor, object.storageClass);
  const to = classFor(policy, vendor);
  const isNamed = tier?.toLowerCase() === policy.name.toLowerCase();
  if (from === to && isNamed) return { kind: 'as-meant', from, to };
  const isChosen = object.ownTier === true || (tier === undefined && from !== defaultStorageClass(vendor).name);
  if (isChosen || (reading && isReachedByRules(object, placesMeant(object, policy, reading), reading)))
    return { kind: 'own', from, to };
  if (needsRestore(vendor, from)) return { kind: 'archived', from, to };
  return { kind: from === to ? 'name' : 'class', from, to };
}

/** Where the policy means an object to lie, before any rule: on its backend, or at the bucket's home. */
function placesMeant({ backend, vendor }: RetierSubject, policy: TierPolicy, { context }: RuleReading) {
  const place = (name: string, of: Vendor) => ({
    backend: name,
    vendor: of,
    storageClass: classFor(policy, of),
    tier: policy.name,
  });
  const isElsewhere = context.home !== undefined && context.home !== backend;
  return [place(backend, vendor), ...(isElsewhere ? [place(context.home, context.vendor)] : [])];
}

function canonical(vendor: Vendor, storageClass: string): string {
  if (storageClass === '') return defaultStorageClass(vendor).name;
  return findStorageClass(vendor, storageClass)?.name ?? storageClass;
}

/** What the vendor bills, beside the request, when an object leaves one class for another. */
export interface RetierFees {
  /** The object leaves before the minimum days of its class. Surely so: it came into the class when it was last modified, or later. */
  readonly early: boolean;
  /** Its bytes are billed as read, as those of every class with minimum days are. */
  readonly retrieval: boolean;
  /** It is smaller than the least that the new class bills. */
  readonly small: boolean;
}

/** Which of the vendor's fees a change of class meets. */
export function retierFees(object: RetierSubject, { from, to }: RetierVerdict, now: Date): RetierFees {
  const leaving = findStorageClass(object.vendor, from)?.minimumDays ?? 0;
  const least = findStorageClass(object.vendor, to)?.minimumBytes ?? 0;
  const age = now.getTime() - object.lastModified.getTime();
  return { early: age < leaving * DAY_MS, retrieval: leaving > 0, small: object.size < least };
}

/** What an operator should know of taking objects from one class to the other: minimum days on both sides, fees for reading, restores, least sizes. */
export function retierWarnings(vendor: Vendor, from: string, to: string): readonly string[] {
  const leaving = findStorageClass(vendor, from);
  const entering = findStorageClass(vendor, to);
  const warnings: string[] = [];
  if (leaving && leaving.minimumDays > 0) {
    warnings.push(`${vendor} bills ${from} for ${leaving.minimumDays} days: what leaves sooner is billed for the rest`);
    warnings.push(`${vendor} bills a fee on each GB that is read out of ${from}, and a change of class reads it`);
  }
  if (!entering) return warnings;
  if (entering.minimumDays > 0)
    warnings.push(`${vendor} bills ${to} for at least ${entering.minimumDays} days from now on`);
  if (entering.minimumBytes > 0)
    warnings.push(`${vendor} bills every object in ${to} as ${entering.minimumBytes} bytes at least`);
  if (entering.retrieval === 'restore')
    warnings.push(`objects in ${to} must be restored before they can be read, or leave that class again`);
  return warnings;
}
