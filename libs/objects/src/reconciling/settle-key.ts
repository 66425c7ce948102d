import type { ObjectHead } from '#libs/backends';
import type { KeyDocument, ObjectRecord, WriteId } from '#libs/metadata';
import type { Engine, OperationContext } from '../engine.js';
import { fromBackend } from '../errors.js';
import { changeKey } from '../mutation/change-key.js';
import { keepAlive } from '../mutation/heartbeat.js';
import { pause } from '../mutation/intents.js';
import { findIntent, withIntent, withoutIntent } from '../mutation/key-changes.js';
import { headStanding, placementRef } from '../mutation/standing.js';
import { recordFromHead } from '../reading/reconcile.js';
import type { Target } from '../target.js';
import { judge, type Finding, type Seen, type Verdict } from './judge-key.js';

/** One look at one key. */
export interface Look {
  /** The place at which the vendor is asked. */
  readonly target: Target;
  /** Throws unless the container is this bucket's own now: asked after the vendor has answered, before the index believes it. */
  readonly assertOwn: () => Promise<void>;
  /** How long to wait for whoever is at the key; the engine's patience if absent. */
  readonly patienceMs?: number;
}

/** What a look found, and how many bytes the object has by now. */
export interface Settled {
  readonly finding: Finding;
  readonly bytes: number;
}

/**
 * Makes a key's document say what the vendor holds at a place, by the one mutation: an intent, so that whoever writes meanwhile is seen; a fresh HEAD; one compare-and-set, made only if no other intent was opened
 * and the revision did not move. Any write or delete of a client's wins: the look is then made again. Sends and deletes no bytes.
 * Costs two index commits and a HEAD (and a call for the tags, at vendors that keep them apart). Fails with `busy` if writers leave no moment for it within the engine's patience.
 */
export async function settleKey(engine: Engine, context: OperationContext, look: Look): Promise<Settled> {
  const until = engine.clock.monotonic() + (look.patienceMs ?? engine.settings.patienceMs);
  for (;;) {
    const holder = engine.newWriteId();
    const before = await openLook(engine, look.target, holder);
    const settled = before && (await lookAndClose(engine, context, { ...look, holder, before }));
    if (settled) return settled;
    await pause(engine, until, 'the key is being written', context.signal);
  }
}

/** Undefined while somebody else is at the key. */
function openLook(engine: Engine, target: Target, holder: WriteId): Promise<KeyDocument | undefined> {
  const placedIn = { backend: target.backendId, container: target.container };
  return changeKey<KeyDocument | undefined>(engine, target.address, { requireActive: true, placedIn }, (document) => {
    if (document.lease ?? document.intents[0]) return { done: undefined };
    const intent = {
      writeId: holder,
      kind: 'heal' as const,
      candidate: emptyCandidate(target, holder),
      // Nobody waits for a look, and it outranks nobody.
      guarded: true as const,
      baseRevision: document.revision,
      heartbeat: 0,
    };
    return { next: withIntent(document, intent, target.tokens === 'none'), then: document };
  });
}

function emptyCandidate(target: Target, writeId: WriteId): ObjectRecord {
  const { backendId: backend, container, backendKey: key } = target;
  const placement = { backend, container, key, storageClass: '', token: '', writeId };
  return { size: 0, etag: '', checksums: {}, headers: {}, metadata: {}, tags: {}, lastModified: 0, placement };
}

interface OpenLook extends Look {
  readonly holder: WriteId;
  readonly before: KeyDocument;
}

/** Undefined if somebody came between: the intent is closed, and nothing was changed. */
async function lookAndClose(engine: Engine, context: OperationContext, look: OpenLook): Promise<Settled | undefined> {
  const { target, holder } = look;
  const life = keepAlive(engine, target.address, holder, context.signal);
  try {
    const verdict = await decide(
      engine,
      { requestId: context.requestId, signal: life.signal, actor: context.actor },
      look,
    );
    return await close(engine, look, verdict);
  } catch (error) {
    await close(engine, look, undefined);
    throw fromBackend(error, target.backend.name);
  } finally {
    life.stop();
  }
}

async function decide(engine: Engine, context: OperationContext, look: OpenLook): Promise<Verdict> {
  const { target, before } = look;
  const head = await headStanding(target, context, { withTags: true, ...tokenToAsk(target, before) });
  const verdict = await judge(
    { address: target.address, place: placeOf(target), coexist: target.coexist, before, head },
    {
      stillReadable: (record) => stands(context, target, record),
      recordOf: (found, known) => recordFromHead(engine, context, { target, head: found, ...(known ? { known } : {}) }),
      garbageFrom: engine.clock.now() + engine.settings.graceMs,
    },
  );
  if (verdict.next) await look.assertOwn();
  return verdict;
}

/** Where every write lies under an id of its own, nothing stands at a key but by its record. */
function tokenToAsk({ tokens }: Target, { current }: KeyDocument): { token?: string } {
  return tokens === 'id' && current ? { token: current.placement.token } : {};
}

function placeOf(target: Target): Seen['place'] {
  return { backend: target.backendId, container: target.container, key: target.backendKey };
}

async function stands(
  context: OperationContext,
  target: Target,
  record: ObjectRecord,
): Promise<ObjectHead | undefined> {
  return headStanding(target, context, { token: placementRef(record.placement).token });
}

/** Takes the intent away, in one step with the verdict's change if there is one and nobody came between. */
function close(engine: Engine, look: OpenLook, verdict: Verdict | undefined): Promise<Settled | undefined> {
  const { target, holder, before } = look;
  return changeKey<Settled | undefined>(
    engine,
    target.address,
    { requireActive: verdict?.next !== undefined },
    (document) => {
      const mine = findIntent(document, holder);
      if (!mine) return { done: undefined };
      const cleared = withoutIntent(document, holder);
      const isAlone = document.intents.length === 1 && document.revision === before.revision && mine.fenced !== true;
      if (!verdict || !isAlone) return { next: cleared, then: undefined };
      const settled = { finding: verdict.finding, bytes: verdict.bytes };
      return { next: verdict.next?.(cleared) ?? cleared, then: settled };
    },
  );
}
