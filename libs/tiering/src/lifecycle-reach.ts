import { dueAt } from './lifecycle-due.js';
import { evaluate, matches } from './lifecycle-evaluate.js';
import type { LifecycleAction, LifecycleContext, LifecycleRule, LifecycleSubject } from './lifecycle-rules.js';
import { defaultStorageClass, findStorageClass } from './storage-classes.js';

/** The rules of a bucket, read at a moment. */
export interface RuleReading {
  readonly rules: readonly LifecycleRule[];
  readonly now: Date;
  readonly context: LifecycleContext;
}

/** A rule that names a class takes the object out of its tier. */
type Place = Pick<LifecycleSubject, 'backend' | 'vendor' | 'storageClass' | 'tier'>;

/**
 * True if these rules can have brought the object from one of the places in `from` to where it lies, by now: whenever they were run since it was last modified, and however often. A rule that names a class says nothing of the tier.
 * Costs an evaluation for each place that can be reached, at each instant at which one of its rules falls due.
 */
export function isReachedByRules(
  object: LifecycleSubject,
  from: readonly Place[],
  { rules, now, context }: RuleReading,
): boolean {
  const matching = rules.filter((rule) => rule.enabled && matches(rule.filter, object));
  const places = new Map<string, Place>(from.map((place) => [nameOf(place), place]));
  const goes = (place: Place, instant: number): Place | undefined => {
    const { key, size, tags, lastModified } = object;
    const action = evaluate({ key, size, tags, lastModified, ...place }, matching, new Date(instant), context);
    return action?.kind === 'transition' ? placeAfter(place, action, context) : undefined;
  };
  for (const instant of instantsOf(matching, object, now))
    // A map's iteration goes on to what is added meanwhile: several runs may come at one instant.
    for (const place of places.values()) {
      const next = goes(place, instant);
      if (next === undefined) continue;
      if (isThere(object, next)) return true;
      places.set(nameOf(next), next);
    }
  return false;
}

/** What the rules ask for changes only where something falls due. */
function instantsOf(rules: readonly LifecycleRule[], { lastModified }: LifecycleSubject, now: Date): readonly number[] {
  const moments = rules.flatMap(({ transitions = [] }) => transitions);
  const due = moments.map((moment) => dueAt(moment, lastModified)).filter((instant) => instant <= now.getTime());
  return [...new Set(due)].toSorted((a, b) => a - b);
}

/** Undefined where the action names a backend that nobody knows. */
function placeAfter(
  from: Place,
  { backend, storageClass, tier }: LifecycleAction & { readonly kind: 'transition' },
  { backends }: LifecycleContext,
): Place | undefined {
  const to =
    backend === undefined ? { name: from.backend, vendor: from.vendor } : backends.find((one) => one.name === backend);
  return to && { backend: to.name, vendor: to.vendor, storageClass, ...(tier === undefined ? {} : { tier }) };
}

function isThere(object: LifecycleSubject, place: Place): boolean {
  return (
    object.backend === place.backend &&
    classOf(object) === classOf(place) &&
    (place.tier === undefined || place.tier.toLowerCase() === object.tier?.toLowerCase())
  );
}

function nameOf(place: Place): string {
  return JSON.stringify([place.backend, classOf(place), place.tier?.toLowerCase() ?? null]);
}

function classOf({ vendor, storageClass }: Place): string {
  if (storageClass === '') return defaultStorageClass(vendor).name;
  return findStorageClass(vendor, storageClass)?.name ?? storageClass;
}
