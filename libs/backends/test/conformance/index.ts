import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { attributeCases } from './attributes.js';
import { cancellationCases } from './cancellation.js';
import { concurrencyCases } from './concurrency.js';
import { conditionCases } from './conditions.js';
import { containerCases } from './containers.js';
import { copyCases } from './copy.js';
import { failureCases } from './failures.js';
import type { ConformanceCase } from './conformance-case.js';
import { freshIdCases } from './fresh-ids.js';
import type { Harness } from './harness.js';
import { keyCases } from './keys.js';
import { lengthCases } from './lengths.js';
import { listingCases } from './listing.js';
import { putGetCases } from './put-get.js';
import { rangeCases } from './ranges.js';
import { restampCases } from './restamp.js';
import { Stage } from './stage.js';
import { tokenCases } from './tokens.js';

export type { ConformanceCase } from './conformance-case.js';
export type { Gap, Harness } from './harness.js';

/** All cases, in the order in which they run: what others stand on comes first. */
export const CONFORMANCE_CASES: readonly ConformanceCase[] = [
  ...containerCases,
  ...putGetCases,
  ...keyCases,
  ...rangeCases,
  ...lengthCases,
  ...conditionCases,
  ...tokenCases,
  ...attributeCases,
  ...listingCases,
  ...copyCases,
  ...restampCases,
  ...failureCases,
  ...cancellationCases,
  ...concurrencyCases,
  ...freshIdCases,
];

function skipReasons(harness: Harness): Map<string, string> {
  const reasons = new Map<string, string>();
  if (harness.leaveUpload === undefined)
    reasons.set('listing/uploads', 'this harness cannot leave an unfinished upload');
  for (const gap of harness.gaps) {
    if (!CONFORMANCE_CASES.some((known) => known.id === gap.case)) throw new Error(`a gap names no case: ${gap.case}`);
    reasons.set(gap.case, gap.reason);
  }
  return reasons;
}

/**
 * The promises of `ObjectBackend`, as tests of one adapter on one server. Every adapter passes them; what a server cannot show is a named gap.
 * One backend and one container for all cases; each case has keys of its own.
 */
export function describeConformance(name: string, harness: Harness): void {
  const reasons = skipReasons(harness);
  describe(`conformance of ${name}`, () => {
    let stage: Stage | undefined;
    beforeAll(async () => {
      stage = await Stage.open(harness);
    });
    afterAll(async () => {
      await stage?.close();
    });
    for (const { id, title, timeoutMs, run } of CONFORMANCE_CASES) {
      const reason = reasons.get(id);
      const body = async (): Promise<void> => {
        if (stage === undefined) throw new Error('the backend did not open');
        await run(stage);
      };
      if (reason === undefined) it(`${id}: ${title}`, body, timeoutMs ?? 120_000);
      else it.skip(`${id}: ${title} [skipped: ${reason}]`, body);
    }
  });
}
