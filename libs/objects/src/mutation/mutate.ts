import {
  isBackendError,
  type BackendErrorKind,
  type ObjectRef,
  type WriteCondition,
  type WriteResult,
} from '#libs/backends';
import { IndexError, type KeyDocument, type ObjectRecord } from '#libs/metadata';
import type { Engine, OperationContext } from '../engine.js';
import { ObjectsError, fromBackend, isObjectsError, ownCause } from '../errors.js';
import { changeKey } from './change-key.js';
import { commitIntent } from './commit-intent.js';
import { decideLater } from './decide-later.js';
import { keepAlive } from './heartbeat.js';
import { closeIntent, leaveToSweeper, openIntent } from './intents.js';
import { commit, EMPTY } from './key-changes.js';
import { garbageFrom, isSubordinate, recordOf, storedOf, type Mutation, type Outcome } from './mutation.js';
import { currentlyWrapped } from '../sealing/sealings.js';
import { abortUploads } from '../sweep/leftovers.js';
import { discardBytes, headStanding, placementRef } from './standing.js';

/**
 * The one mutation (DESIGN section 5): intent, bytes, commit, answer.
 *
 * Guarantees: when it returns, the bytes and the record are durable, and the record names exactly those bytes, or (`overwritten`) those of a concurrent later write.
 * When it throws anything but `outcome-unknown`, nothing of the write is or will become visible. `outcome-unknown`: it may yet become visible; the sweeper decides.
 * Cost: two index commits and one backend write; where writes lie under fresh ids, one index commit.
 */
export async function mutate(engine: Engine, context: OperationContext, mutation: Mutation): Promise<Outcome> {
  return mutation.target.tokens === 'id'
    ? mutateFresh(engine, context, mutation)
    : mutateByIntent(engine, context, mutation);
}

/** Every write lies under an id of its own, so nothing is replaced and no intent is needed: bytes first, then one compare-and-set. */
async function mutateFresh(engine: Engine, context: OperationContext, mutation: Mutation): Promise<Outcome> {
  const { target } = mutation;
  if (mutation.guard) await checkNow(engine, mutation, mutation.guard);
  const result = await send(engine, context, mutation, {});
  const record = recordOf(mutation, result);
  let committed = record;
  let replaced: ObjectRecord | undefined;
  const ref = placementRef(record.placement);
  await engine.reach('bytes-sent', target.address.key);
  try {
    await changeKey(engine, target.address, { requireActive: true }, (document) => {
      mutation.guard?.(document);
      committed = currentlyWrapped(engine, target.address, record);
      replaced = document.current;
      return {
        next: commit(document, { record: committed, coexist: true, garbageFrom: garbageFrom(engine, mutation) }),
        then: undefined,
      };
    });
  } catch (error) {
    // Only a definite refusal allows the bytes to go; after any other failure of the index they may be the record's, which it will tell once it is back.
    if (isObjectsError(error) || isIndexRefusal(error)) {
      await withdrawFresh(context, target, { ref, refusal: error });
      throw error;
    }
    // Whatever it was: bytes that nobody decides on would lie there until this process has ended.
    decideLater(engine, target, record.placement);
    throw orUnknown(error);
  }
  target.backend.freshIds?.settle(ref);
  await engine.reach('committed', target.address.key);
  return { record: committed, fate: 'committed', ...(replaced ? { replaced } : {}) };
}

/** The index had no room, or the record was too large for it: it was not changed. */
export function isIndexRefusal(error: unknown): error is IndexError {
  return error instanceof IndexError && error.kind !== 'unavailable';
}

/** Bytes that cannot be deleted now stay unsettled, to be found when this process has ended; what the client is told stays the refusal. */
async function withdrawFresh(
  context: OperationContext,
  target: Mutation['target'],
  refused: { ref: ObjectRef; refusal: ObjectsError | IndexError },
): Promise<void> {
  const { ref, refusal } = refused;
  try {
    await discardBytes(target.backend, context, ref);
  } catch (error) {
    throw withCause(refusal, new AggregateError([refusal, error]));
  }
  target.backend.freshIds?.settle(ref);
}

function withCause(refusal: ObjectsError | IndexError, cause: AggregateError): Error {
  if (refusal instanceof IndexError) return new IndexError(refusal.kind, refusal.message, cause);
  const { facts, retryAfterSeconds } = refusal;
  const retry = retryAfterSeconds === undefined ? {} : { retryAfterSeconds };
  return new ObjectsError(refusal.code, refusal.message, { facts, ...retry, cause });
}

/** An index that fails once bytes have gone out leaves open whether they become visible: its change may have been made, and an intent that stays is a sweeper's to settle. */
function orUnknown(error: unknown): unknown {
  if (!(error instanceof IndexError)) return error;
  return new ObjectsError(
    'outcome-unknown',
    `the index failed (${error.message}); the write may or may not become visible`,
    {
      retryAfterSeconds: 5,
      cause: error,
    },
  );
}

async function checkNow(engine: Engine, mutation: Mutation, guard: (document: KeyDocument) => void): Promise<void> {
  const found = await engine.index.getKey(mutation.target.address);
  guard(found?.value ?? EMPTY);
}

async function mutateByIntent(engine: Engine, context: OperationContext, mutation: Mutation): Promise<Outcome> {
  const { condition } = await openIntent(engine, context, mutation);
  const life = keepAlive(engine, mutation.target.address, mutation.writeId, context.signal);
  try {
    await engine.reach('intent-recorded', mutation.target.address.key);
    const result = await send(engine, context, mutation, { signal: life.signal, ...(condition ? { condition } : {}) });
    await engine.reach('bytes-sent', mutation.target.address.key);
    const outcome = await commitIntent(engine, context, mutation, recordOf(mutation, result));
    await engine.reach('committed', mutation.target.address.key);
    return outcome;
  } catch (error) {
    throw orUnknown(error);
  } finally {
    life.stop();
  }
}

interface SendCircumstances {
  readonly signal?: AbortSignal;
  readonly condition?: WriteCondition;
}

const NEVER = new AbortController().signal;

async function send(
  engine: Engine,
  context: OperationContext,
  mutation: Mutation,
  how: SendCircumstances,
): Promise<WriteResult> {
  try {
    const signal = how.signal ?? context.signal ?? NEVER;
    return await mutation.send(how.condition ? { signal, condition: how.condition } : { signal });
  } catch (error) {
    if (!isIndefinite(error)) return await refuseSent(engine, mutation, error);
    return await decideByHead(engine, context, mutation, error);
  }
}

/** After these the vendor may still have, or yet get, the bytes. After all others it has nothing: the port guarantees it. */
const INDEFINITE: ReadonlySet<BackendErrorKind> = new Set(['unavailable', 'timeout', 'unknown']);

/** True where the vendor may still have, or yet get, the bytes. */
export function isIndefinite(error: unknown): boolean {
  return isBackendError(error) && ownCause(error) === undefined && INDEFINITE.has(error.kind);
}

async function refuseSent(engine: Engine, mutation: Mutation, error: unknown): Promise<never> {
  const end = isBackendError(error) && error.leftBehind ? leaveToSweeper : closeIntent;
  if (mutation.target.tokens !== 'id') await end(engine, mutation.target.address, mutation.writeId);
  if (isBackendError(error, 'precondition') && isSubordinate(mutation.kind)) throw changedMeanwhile(error);
  if (isBackendError(error, 'precondition')) {
    throw new ObjectsError('conflict', 'another write of this key is under way; send the request again', {
      cause: error,
    });
  }
  if (isBackendError(error, 'not-found')) await refuseIfReplaced(engine, mutation, error);
  throw fromBackend(error, mutation.target.backend.name);
}

/** Where writes replace, the bytes that a change works on are gone once another write has sent its own, committed or not: a lost race and no outage. */
async function refuseIfReplaced(engine: Engine, { target, guard }: Mutation, cause: unknown): Promise<void> {
  const document = (await engine.index.getKey(target.address))?.value ?? EMPTY;
  guard?.(document);
  if (document.intents.length > 0)
    throw new ObjectsError('conflict', 'another write of this key is under way; send the request again', { cause });
}

/** The answer was lost: whoever's write id stands there tells. If it is not ours, the intent stays for the sweeper, as our bytes may still arrive. */
async function decideByHead(
  engine: Engine,
  context: OperationContext,
  mutation: Mutation,
  error: unknown,
): Promise<WriteResult> {
  const { target } = mutation;
  const lost = new ObjectsError(
    'outcome-unknown',
    `backend ${target.backend.name} did not answer whether the write happened; it may or may not become visible`,
    {
      retryAfterSeconds: 5,
      cause: error,
    },
  );
  const content = mutation.content();
  if (target.tokens === 'id' || content === undefined) throw lost;
  const head = await headStanding(target, context).catch((cause: unknown) => {
    throw new ObjectsError(lost.code, lost.message, { retryAfterSeconds: 5, cause });
  });
  if (head?.writeId !== mutation.writeId) throw lost;
  const stored = storedOf(content);
  if (head.size !== stored.size || (stored.md5 !== undefined && (head.md5 ?? stored.md5) !== stored.md5)) throw lost;
  if (isBackendError(error) && error.leftBehind && !(await isCleared(engine, context, mutation))) throw lost;
  return {
    token: head.token,
    vendorEtag: head.vendorEtag,
    size: head.size,
    storageClass: head.storageClass,
    ...(head.md5 === undefined ? {} : { md5: head.md5 }),
  };
}

/** The bytes stand, but not alone: once the commit has closed the intent, nobody would look for what else was sent. */
async function isCleared(engine: Engine, context: OperationContext, { target, writeId }: Mutation): Promise<boolean> {
  try {
    return await abortUploads(engine, { requestId: context.requestId, actor: context.actor }, target, writeId);
  } catch (error) {
    // The write is reported as unknown, with its own failure as the cause; the sweeper meets this one again.
    if (isBackendError(error)) return false;
    throw error;
  }
}

export function changedMeanwhile(cause?: unknown): ObjectsError {
  return new ObjectsError('changed-meanwhile', 'the object changed while it was being moved; the newer write stands', {
    cause,
  });
}
