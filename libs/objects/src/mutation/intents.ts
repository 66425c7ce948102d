import type { WriteCondition } from '#libs/backends';
import type { Intent, KeyAddress, KeyDocument, Placement, WriteId } from '#libs/metadata';
import type { Engine, OperationContext } from '../engine.js';
import { ObjectsError } from '../errors.js';
import { changeKey } from './change-key.js';
import { findIntent, isSamePlace, withChangedIntent, withGarbage, withIntent, withoutIntent } from './key-changes.js';
import type { Mutation } from './mutation.js';

export interface Opened {
  /** What the vendor must find at the place for the write to happen there; absent: whatever. */
  readonly condition?: WriteCondition;
}

/**
 * Adds the intent, durably, before any byte is sent. On a weak container it takes the key's exclusive lease in the same step, waiting for it up to the engine's patience.
 * Fails with whatever the mutation's guard throws, with `busy`, or with `bucket-not-active`, also where the container is about to go: so one that holds no intent then never will again.
 */
export async function openIntent(engine: Engine, context: OperationContext, mutation: Mutation): Promise<Opened> {
  const { target } = mutation;
  const weak = target.tokens === 'none';
  const until = engine.clock.monotonic() + engine.settings.patienceMs;
  for (;;) {
    const placedIn = mutation.candidate.placement;
    const opened = await changeKey<Opened | undefined>(
      engine,
      target.address,
      { requireActive: true, placedIn },
      (document) => {
        mutation.guard?.(document);
        if (weak && (document.lease ?? document.intents[0])) return { done: undefined };
        const condition = conditionFor(mutation, document);
        return { next: withIntent(document, intentOf(mutation, document), weak), then: condition ? { condition } : {} };
      },
    );
    if (opened) return opened;
    await pause(engine, until, 'another change of this key is under way', context.signal);
  }
}

function intentOf(mutation: Mutation, document: KeyDocument): Intent {
  return {
    writeId: mutation.writeId,
    kind: mutation.kind,
    candidate: mutation.candidate,
    ...(mutation.guard ? { guarded: true as const } : {}),
    baseRevision: document.revision,
    heartbeat: 0,
  };
}

/**
 * Where a write replaces what stands at its place, a guarded write and a mover may replace only what the document says stands there: the current bytes, bytes waiting as garbage, or nothing.
 * An unguarded client's write takes the place whatever is there: the last one wins.
 */
function conditionFor(mutation: Mutation, document: KeyDocument): WriteCondition | undefined {
  const { target, guard } = mutation;
  if (!guard || mutation.kind === 'restamp' || (target.tokens !== 'generation' && target.tokens !== 'etag'))
    return undefined;
  const place = mutation.candidate.placement;
  const { current } = document;
  if (current && isSamePlace(current.placement, place)) return { ifToken: current.placement.token };
  const last = document.garbage.findLast((item) => isSamePlace(item.placement, place));
  return last ? { ifToken: last.placement.token } : { ifAbsent: true };
}

/** Takes the intent away without a commit. With `litter`, the bytes it sent are named as garbage in the same step, to go at once. */
export async function closeIntent(
  engine: Engine,
  address: KeyAddress,
  writeId: WriteId,
  litter?: Placement,
): Promise<void> {
  await changeKey(engine, address, { requireActive: false }, (document) => {
    if (!findIntent(document, writeId)) return { done: undefined };
    const closed = withoutIntent(document, writeId);
    return {
      next: litter ? withGarbage(closed, { placement: litter, notBefore: engine.clock.now() }) : closed,
      then: undefined,
    };
  });
}

/** Ends the writer's own part and leaves the rest to the sweeper, at its next turn: parts of the write could not be removed, which only an open intent names. */
export async function leaveToSweeper(engine: Engine, address: KeyAddress, writeId: WriteId): Promise<void> {
  await changeKey(engine, address, { requireActive: false }, (document) => {
    if (!findIntent(document, writeId)) return { done: undefined };
    return { next: withChangedIntent(document, writeId, { fenced: true }), then: undefined };
  });
}

const PAUSE_MS = 20;

/** Waits a moment for another's change, up to the engine's patience; then answers 503 honestly. */
export async function pause(engine: Engine, until: number, why: string, signal?: AbortSignal): Promise<void> {
  if (engine.clock.monotonic() >= until) throw new ObjectsError('busy', `${why}; try again`, { retryAfterSeconds: 1 });
  await engine.clock.sleep(PAUSE_MS, signal);
}
