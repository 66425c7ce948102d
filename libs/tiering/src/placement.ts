import type { Vendor } from '#libs/naming';
import { findStorageClass } from './storage-classes.js';
import { classFor, type TierAttribute, type TierPolicy } from './tier-policy.js';

/** A registered backend as the choice of a home sees it; `buckets` is how many buckets live there already. */
export interface PlacementCandidate {
  readonly name: string;
  readonly vendor: Vendor;
  readonly region?: string;
  readonly healthy: boolean;
  readonly buckets: number;
  readonly attributes: Readonly<Record<string, TierAttribute>>;
}

/** The backend chosen, or none; either way one sentence that a person reads. */
export type Placement = { readonly chosen: string; readonly reason: string } | { readonly refused: string };

/**
 * Chooses the home of a bucket made with a policy and no backend. A policy that lists backends gets the first of them
 * that fits, else every candidate is weighed: fewest buckets, then the name. Fitting means reachable, a vendor that has
 * the policy's class, and no stated attribute (the region included) that differs from the policy's. The answer does not
 * depend on the order of `candidates`.
 */
export function choosePlacement(policy: TierPolicy, candidates: readonly PlacementCandidate[]): Placement {
  return policy.backends.length > 0 ? chooseListed(policy, candidates) : chooseAny(policy, candidates);
}

function chooseListed(policy: TierPolicy, candidates: readonly PlacementCandidate[]): Placement {
  const said = [`${policy.name} lists ${policy.backends.join(', ')}`];
  for (const name of policy.backends) {
    const candidate = candidates.find((one) => one.name === name);
    const against = candidate ? objection(policy, candidate) : 'is not registered';
    if (against === undefined) return { chosen: name, reason: [...said, `${name} chosen`].join('; ') };
    said.push(`${name} ${against}`);
  }
  return { refused: [...said, 'none is left'].join('; ') };
}

function chooseAny(policy: TierPolicy, candidates: readonly PlacementCandidate[]): Placement {
  if (candidates.length === 0) return { refused: `${policy.name} lists no backend, and no backend is registered` };
  const said = [`${policy.name} lists no backend`];
  const fitting: PlacementCandidate[] = [];
  for (const candidate of candidates.toSorted(byLoadThenName)) {
    const against = objection(policy, candidate);
    if (against === undefined) fitting.push(candidate);
    else said.push(`${candidate.name} ${against}`);
  }
  const [best, ...others] = fitting;
  if (!best) return { refused: [...said, 'none is left'].join('; ') };
  const why = others.length === 0 ? 'is the only one that fits' : `has ${leastOf(best, others)}`;
  return { chosen: best.name, reason: [...said, `${best.name} ${why}; ${best.name} chosen`].join('; ') };
}

function leastOf(best: PlacementCandidate, others: readonly PlacementCandidate[]): string {
  const count = `${best.buckets} ${best.buckets === 1 ? 'bucket' : 'buckets'}`;
  const tied = others.some((other) => other.buckets === best.buckets);
  return tied ? `${count}, no more than any other, and the first name` : `the fewest buckets (${best.buckets})`;
}

/** Why the candidate cannot keep the policy's promise, as the end of a sentence that begins with its name. */
function objection(policy: TierPolicy, candidate: PlacementCandidate): string | undefined {
  if (!candidate.healthy) return 'is unreachable';
  const storageClass = classFor(policy, candidate.vendor);
  if (!findStorageClass(candidate.vendor, storageClass)) return `has no class ${storageClass} (${candidate.vendor})`;
  const stated = new Map(Object.entries(candidate.attributes));
  if (candidate.region !== undefined) stated.set('region', candidate.region);
  for (const [key, wanted] of Object.entries(policy.attributes)) {
    const has = stated.get(key);
    if (has !== undefined && String(has) !== String(wanted)) return `has ${key} ${String(has)}, not ${String(wanted)}`;
  }
  return undefined;
}

function byLoadThenName(a: PlacementCandidate, b: PlacementCandidate): number {
  return a.buckets - b.buckets || (a.name < b.name ? -1 : Number(a.name > b.name));
}
