import { allowsChange } from '../document-rules.js';
import { IndexError } from '../object-index.js';
import type { ChangeResult, KeyAddress, KeyChange } from '../object-index.js';
import { completeNarrowing, outwaitRemoval } from './change-bucket.js';
import type { Announcement, Expectation, Steps } from './steps.js';

/** A change that others have got in the way of so often gives up. */
const MOST_ROUNDS = 50;

/**
 * Changes a key document (the port's `changeKey`). One operation where the bucket is not asked. Where it is, three: take a permit on the document, read the bucket, commit on the permit.
 * Whoever narrows what the bucket allows announces it first and then takes all permits away, so either this read sees the announcement or that search sees the permit (ADR 8).
 */
export async function changeKey(steps: Steps, address: KeyAddress, change: KeyChange): Promise<ChangeResult> {
  if (!change.requireActive && change.placedIn === undefined) return changeFreely(steps, address, change);
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const permit = steps.newId();
    if (!(await steps.keys.takePermit(address, change.expected, permit))) {
      if (await isOtherVersion(steps, address, change.expected)) return 'version-conflict';
      continue;
    }
    const verdict = await judge(steps, address, change);
    if (verdict === 'allowed') {
      if (await make(steps, address, change, { expected: change.expected, permit })) return 'changed';
      continue;
    }
    await steps.keys.revoke({ address, permit });
    if (verdict === 'refused') return 'bucket-not-active';
    await outwaitRemoval(steps, address.bucket, verdict);
  }
  throw new IndexError('unavailable', 'the key is being changed by too many at once');
}

async function changeFreely(steps: Steps, address: KeyAddress, change: KeyChange): Promise<ChangeResult> {
  const { expected, next } = change;
  if (expected === null && next === undefined)
    return (await steps.keys.look(address))?.version === undefined ? 'changed' : 'version-conflict';
  return (await make(steps, address, change, { expected })) ? 'changed' : 'version-conflict';
}

function make(steps: Steps, address: KeyAddress, { next }: KeyChange, expectation: Expectation): Promise<boolean> {
  return next === undefined ? steps.keys.remove(address, expectation) : steps.keys.put(address, expectation, next);
}

/**
 * True when the document is not as expected. Otherwise another's permit was in the way: it is waited for, since it lasts two operations,
 * and taken away if it lasts longer, as its owner has died or will begin again.
 */
async function isOtherVersion(steps: Steps, address: KeyAddress, expected: number | null): Promise<boolean> {
  let first: string | undefined;
  for (let round = 0; ; round += 1) {
    const held = await steps.keys.look(address);
    if ((held?.version ?? null) !== expected) return true;
    const permit = held?.permit;
    first ??= permit;
    if (permit === undefined || permit !== first) return false;
    if (round >= steps.patience) {
      await steps.keys.revoke({ address, permit });
      return false;
    }
    await steps.pause(round);
  }
}

/** Whether the bucket allows the change, both as it stands and as it is about to be. A narrowing that is in the way is completed here, so that it never depends on one process. */
async function judge(
  steps: Steps,
  { bucket }: KeyAddress,
  change: KeyChange,
): Promise<'allowed' | 'refused' | Announcement> {
  const held = await steps.buckets.read(bucket);
  if (!allowsChange(held?.document, change)) return 'refused';
  const announced = held?.announced;
  if (announced === undefined || allowsChange(announced.next, change)) return 'allowed';
  if (announced.next === undefined) return announced;
  await completeNarrowing(steps, bucket, announced);
  return 'refused';
}
