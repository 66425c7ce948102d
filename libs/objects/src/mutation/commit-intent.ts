import { isObjectsError, ObjectsError } from '../errors.js';
import type { Engine, OperationContext } from '../engine.js';
import type { Intent, KeyDocument, ObjectRecord, Versioned } from '#libs/metadata';
import { bucketNotActive, changeKey, changeOf, tellCommit } from './change-key.js';
import { closeIntent, pause } from './intents.js';
import { commit, findIntent, isCurrentWrite, tidy, withoutIntent } from './key-changes.js';
import { disown } from './disown.js';
import { garbageFrom, isSubordinate, type Mutation, type Outcome } from './mutation.js';
import { currentlyWrapped } from '../sealing/sealings.js';
import { discardBytes, headStanding, placementRef } from './standing.js';

/** Who the backend says was last at the place. */
type Standing = 'mine' | 'rival' | 'overwritten' | 'stranger' | 'nothing';

/**
 * Step 3 of the mutation. If no other intent was open and no revision came between, one compare-and-set commits. Else the backend decides (HEAD): the writer whose id stands there commits,
 * and a writer that lost waits for that commit, bounded, and then answers success as overwritten.
 */
export async function commitIntent(
  engine: Engine,
  context: OperationContext,
  mutation: Mutation,
  record: ObjectRecord,
): Promise<Outcome> {
  const until = engine.clock.monotonic() + engine.settings.patienceMs;
  await engine.reach('before-commit', mutation.target.address.key);
  for (;;) {
    const found = await engine.index.getKey(mutation.target.address);
    const mine = found && findIntent(found.value, mutation.writeId);
    if (found && !mine && isCurrentWrite(found.value, mutation.writeId)) return { record, fate: 'committed' };
    if (!found || !mine || mine.fenced) {
      await disown(engine, context, mutation, record).catch((cause: unknown) => {
        throw fenced(cause);
      });
      throw fenced();
    }
    await applyGuard(engine, mutation, record, found.value);
    const contested = mine.baseRevision !== found.value.revision || found.value.intents.length > 1;
    const standing = contested ? await judge(context, mutation, found.value) : 'mine';
    if (standing === 'mine') {
      const { current: replaced } = found.value;
      if (await tryCommit(engine, context, mutation, { record, found }))
        return { record, fate: 'committed', ...(replaced ? { replaced } : {}) };
    } else if (standing === 'rival') {
      await waitForRival(engine, mutation, record, until);
    } else {
      return await lose(engine, mutation, record, standing);
    }
  }
}

async function applyGuard(
  engine: Engine,
  mutation: Mutation,
  record: ObjectRecord,
  document: KeyDocument,
): Promise<void> {
  try {
    mutation.guard?.(document);
  } catch (error) {
    await closeIntent(engine, mutation.target.address, mutation.writeId, record.placement);
    throw error;
  }
}

async function judge(context: OperationContext, mutation: Mutation, document: KeyDocument): Promise<Standing> {
  const { target } = mutation;
  if (isSubordinate(mutation.kind) && target.coexist) return 'overwritten';
  if (target.coexist && mutation.guard && document.intents.some((rival) => mustPrecede(rival, mutation)))
    return 'rival';
  const head = await headStanding(target, context).catch((cause: unknown) => {
    throw new ObjectsError(
      'outcome-unknown',
      `backend ${target.backend.name} took the bytes but does not answer; they may or may not become visible`,
      {
        retryAfterSeconds: 5,
        cause,
      },
    );
  });
  if (!head) return 'nothing';
  if (head.writeId === mutation.writeId) return 'mine';
  const rival = document.intents.find((intent) => intent.writeId === head.writeId);
  if (rival) return target.coexist && givesWay(rival, mutation) ? 'mine' : 'rival';
  return judgeWithoutRival(mutation, document, head.writeId);
}

/**
 * No open intent is of what stands. Where writes coexist, ours is readable still, so it may be called overwritten only by a record that really took its place, and a conditional one not even by that:
 * what else lies above it is a loser's litter, or came from outside, and hides nothing.
 */
function judgeWithoutRival(mutation: Mutation, document: KeyDocument, standing: string | undefined): Standing {
  const isCurrent = document.current !== undefined && document.current.placement.writeId === standing;
  if (mutation.target.coexist) return isCurrent && !mutation.guard ? 'overwritten' : 'mine';
  return isCurrent || document.garbage.some((item) => item.placement.writeId === standing) ? 'overwritten' : 'stranger';
}

/**
 * Among coexisting versions a conditional write may not commit while an unconditional one is open: that one would be told it was overwritten by a write that, by its own condition, came before it.
 * Waiting lets it commit, and the condition is then asked again.
 */
function mustPrecede(rival: Intent, mutation: Mutation): boolean {
  return rival.writeId !== mutation.writeId && !rival.guarded;
}

/** Among coexisting versions a mover never outranks a client's write, nor a conditional write an unconditional one, though its bytes came last. */
function givesWay(rival: Intent, mutation: Mutation): boolean {
  return isSubordinate(rival.kind) || (rival.guarded === true && mutation.guard === undefined);
}

async function tryCommit(
  engine: Engine,
  context: OperationContext,
  mutation: Mutation,
  { record, found }: { record: ObjectRecord; found: Versioned<KeyDocument> },
): Promise<boolean> {
  const next = tidy(
    commit(found.value, {
      record: currentlyWrapped(engine, mutation.target.address, record),
      writeId: mutation.writeId,
      coexist: mutation.target.coexist,
      garbageFrom: garbageFrom(engine, mutation),
    }),
  );
  const result = await engine.index.changeKey(mutation.target.address, changeOf(found, next, { requireActive: true }));
  if (result === 'bucket-not-active') {
    await withdraw(engine, context, mutation, record);
    throw bucketNotActive();
  }
  if (result === 'changed') tellCommit(engine, mutation.target.address, found.value, next);
  return result === 'changed';
}

/**
 * Takes back bytes that may not be committed. Where they replaced what stood at their place, they go before the intent does, and the revision moves: a rival whose own bytes they replaced
 * then asks the backend, and does not acknowledge what is gone.
 */
async function withdraw(
  engine: Engine,
  context: OperationContext,
  mutation: Mutation,
  record: ObjectRecord,
): Promise<void> {
  const { target, writeId } = mutation;
  if (target.coexist) return closeIntent(engine, target.address, writeId, record.placement);
  await discardBytes(target.backend, context, placementRef(record.placement)).catch((cause: unknown) => {
    throw new ObjectsError(
      'outcome-unknown',
      'the bucket does not take the write, and its bytes cannot be removed now',
      {
        retryAfterSeconds: 5,
        cause,
      },
    );
  });
  await changeKey(engine, target.address, { requireActive: false }, (document) => {
    if (!findIntent(document, writeId)) return { done: undefined };
    return { next: { ...withoutIntent(document, writeId), revision: document.revision + 1 }, then: undefined };
  });
}

/** A wait that ends in `busy` takes the loser's own intent with it: its bytes are overwritten, and the winner commits without it. */
async function waitForRival(engine: Engine, mutation: Mutation, record: ObjectRecord, until: number): Promise<void> {
  try {
    await pause(engine, until, 'a concurrent write of this key has not finished');
  } catch (error) {
    if (isObjectsError(error, 'busy'))
      await closeIntent(engine, mutation.target.address, mutation.writeId, record.placement);
    throw error;
  }
}

async function lose(
  engine: Engine,
  mutation: Mutation,
  record: ObjectRecord,
  standing: 'overwritten' | 'stranger' | 'nothing',
): Promise<Outcome> {
  await closeIntent(engine, mutation.target.address, mutation.writeId, record.placement);
  if (standing === 'nothing') {
    throw new ObjectsError(
      'backend-unavailable',
      `backend ${mutation.target.backend.name} no longer has the bytes it just took; send them again`,
      { retryAfterSeconds: 1 },
    );
  }
  if (isSubordinate(mutation.kind))
    throw new ObjectsError('changed-meanwhile', 'the object changed while it was being moved; the newer write stands');
  return { record, fate: 'overwritten' };
}

function fenced(cause?: unknown): ObjectsError {
  return new ObjectsError(
    'outcome-unknown',
    'the write stood still for so long that it was taken for dead; it may or may not have become visible',
    { retryAfterSeconds: 1, cause },
  );
}
