import type { ObjectHead } from '#libs/backends';
import type { BucketDocument, Intent, KeyAddress, KeyDocument, ObjectRecord, Placement, WriteId } from '#libs/metadata';
import { assertOwnContainer } from '../buckets/marker.js';
import { callOf, type Engine, type OperationContext } from '../engine.js';
import { changeKey } from '../mutation/change-key.js';
import {
  commit,
  findIntent,
  tidy,
  withChangedIntent,
  withGarbage,
  withIntent,
  withoutIntent,
} from '../mutation/key-changes.js';
import { isSubordinate } from '../mutation/mutation.js';
import { headStanding } from '../mutation/standing.js';
import { newWriteIdFor } from '../mutation/write-ids.js';
import { contentStanding } from '../reading/standing-content.js';
import { currentlyWrapped } from '../sealing/sealings.js';
import { damaged } from '../sealing/unseal.js';
import { targetAt, type Target } from '../target.js';
import { abortUploads, findLosingWrite } from './leftovers.js';

export interface DeadIntent {
  readonly bucket: BucketDocument;
  readonly address: KeyAddress;
  readonly writeId: WriteId;
  /** As it was when its writer was judged dead; if it has moved since, the writer lives. */
  readonly heartbeat: number;
}

/**
 * Ends a dead writer's intent: fences it first, so that the writer can neither commit nor acknowledge; then bytes that stand under the key and bear its write id are adopted,
 * and only bytes that no record can name (a losing version, a mover's copy, unfinished uploads) are deleted.
 * False while unfinished uploads stay, since another open intent may be theirs: until the next try they are named by this intent, or by another in its place.
 */
export async function settleDeadIntent(engine: Engine, context: OperationContext, dead: DeadIntent): Promise<boolean> {
  const intent = await fence(engine, dead);
  if (!intent) return true;
  await engine.reach('intent-fenced', dead.address.key);
  const target = await targetAt(engine, dead.bucket, dead.address.key, intent.candidate.placement);
  await assertOwnContainer(engine, callOf(context), target.backend, {
    container: target.container,
    backendId: target.backendId,
    bucket: dead.bucket,
  });
  // A look at a key sends nothing; uploads there are somebody else's.
  const isCleared = intent.kind === 'heal' || (await abortUploads(engine, context, target, intent.writeId));
  await settleBytes(engine, context, { target, intent, isCleared });
  await engine.reach('dead-bytes-settled', dead.address.key);
  return isCleared;
}

function fence(engine: Engine, dead: DeadIntent): Promise<Intent | undefined> {
  return changeKey<Intent | undefined>(engine, dead.address, { requireActive: false }, (document) => {
    const intent = findIntent(document, dead.writeId);
    if (!intent) return { done: undefined };
    if (intent.fenced) return { done: intent };
    if (intent.heartbeat !== dead.heartbeat) return { done: undefined };
    return { next: withChangedIntent(document, dead.writeId, { fenced: true }), then: { ...intent, fenced: true } };
  });
}

interface Fenced {
  readonly target: Target;
  readonly intent: Intent;
  /** Whether no upload is left that may be of the dead writer. */
  readonly isCleared: boolean;
}

async function settleBytes(engine: Engine, context: OperationContext, fenced: Fenced): Promise<void> {
  const { target, intent } = fenced;
  for (;;) {
    const head = await headStanding(target, context);
    const stands = head?.writeId === intent.writeId;
    const adopt = stands && !(isSubordinate(intent.kind) && (target.coexist || intent.kind === 'move'));
    const record = adopt ? await completed(engine, context, fenced, head) : undefined;
    const litter = adopt
      ? undefined
      : stands
        ? placementAt(fenced, head)
        : await findLosingWrite(context, target, intent);
    if (await close(engine, fenced, { head, ...(record ? { record } : {}), ...(litter ? { litter } : {}) })) return;
  }
}

/** The candidate made whole: what the writer said of the object, and what the backend says of the bytes. */
async function completed(
  engine: Engine,
  context: OperationContext,
  fenced: Fenced,
  head: ObjectHead,
): Promise<ObjectRecord> {
  const { candidate } = fenced.intent;
  if (isSubordinate(fenced.intent.kind)) return { ...candidate, placement: placementAt(fenced, head) };
  const known = candidate.sealing ? { known: candidate.sealing } : {};
  const found = await contentStanding(engine, context, { target: fenced.target, head, ...known });
  if (!found) throw damaged('a write whose writer died bears the right write id, and cannot be opened');
  return { ...candidate, ...found, checksums: {}, placement: placementAt(fenced, head) };
}

function placementAt(fenced: Fenced, head: ObjectHead): Placement {
  return { ...fenced.intent.candidate.placement, token: head.token, storageClass: head.storageClass };
}

/**
 * A change of attributes holds only for the record it was made of, and a conditional write only for the document it was asked of; if that was deleted or replaced meanwhile, their bytes are nobody's.
 * An unconditional write holds whatever came between.
 */
function isStale(intent: Intent, document: KeyDocument): boolean {
  if (isSubordinate(intent.kind)) return intent.baseRevision !== document.revision || document.current === undefined;
  return intent.guarded === true && intent.baseRevision !== document.revision;
}

interface Close {
  readonly head: ObjectHead | undefined;
  readonly record?: ObjectRecord;
  readonly litter?: Placement;
}

/** One compare-and-set; false if the document changed in a way that makes another look at the backend necessary. */
function close(engine: Engine, fenced: Fenced, how: Close): Promise<boolean> {
  const { target, intent } = fenced;
  return changeKey<boolean>(engine, target.address, { requireActive: false }, (document) => {
    if (!findIntent(document, intent.writeId)) return { done: true };
    const now = engine.clock.now();
    if (how.record && isStale(intent, document)) {
      const litter = { placement: how.record.placement, notBefore: now };
      return { next: withGarbage(left(engine, fenced, document), litter), then: true };
    }
    if (how.record) {
      const next = commit(left(engine, fenced, document), {
        record: currentlyWrapped(engine, target.address, how.record),
        coexist: target.coexist,
        garbageFrom: now + engine.settings.graceMs,
      });
      return { next, then: true };
    }
    if (!how.litter && !fenced.isCleared) return { next: kept(document, intent), then: true };
    const closed = left(engine, fenced, document);
    if (!how.litter) return { next: tidy(closed) ?? closed, then: true };
    return { next: withGarbage(closed, { placement: how.litter, notBefore: now }), then: true };
  });
}

/** Guarded, so that no conditional write waits for it: it may stay as long as others write the key. */
const CLAIM = { fenced: true, guarded: true } as const;

/** Its bytes may come yet, as its uploads stay. */
function kept(document: KeyDocument, { writeId }: Intent): KeyDocument {
  return withChangedIntent(document, writeId, CLAIM);
}

/**
 * The document without the intent. Where uploads of it stay, an intent of a write that sent nothing takes its place and names them: under the old write id everybody would take the bytes that are settled
 * now for those of a rival, and wait for it.
 */
function left(engine: Engine, { target, intent, isCleared }: Fenced, document: KeyDocument): KeyDocument {
  const closed = withoutIntent(document, intent.writeId);
  if (isCleared) return closed;
  return withIntent(closed, { ...intent, ...CLAIM, writeId: newWriteIdFor(engine, target.address) }, false);
}
