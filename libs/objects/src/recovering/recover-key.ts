import type { Placement } from '#libs/metadata';
import type { Engine, OperationContext } from '../engine.js';
import { fromBackend, ObjectsError } from '../errors.js';
import { bucketNotActive, changeOf, tellCommit } from '../mutation/change-key.js';
import { EMPTY, tidy } from '../mutation/key-changes.js';
import { headStanding } from '../mutation/standing.js';
import { recordFromHead } from '../reading/reconcile.js';
import type { Settled } from '../reconciling/settle-key.js';
import type { Target } from '../target.js';
import { isRecovering } from './recovered.js';
import { judgeRecovered, type SeenAfterRestore } from './judge-recovered.js';

/** One key of a bucket that was restored, at one place. */
export interface KeyToRecover {
  readonly target: Target;
  /** When the backup was begun, in milliseconds since the epoch. */
  readonly since: number;
  /** Where every write lies under an id of its own: which one is looked at; absent: the record's. */
  readonly token?: string;
  /** What is known of the container of a record. */
  readonly isLost: (place: Pick<Placement, 'backend' | 'container'>) => SeenAfterRestore['isLost'];
  /** As in `Look`. */
  readonly assertOwn: () => Promise<void>;
}

/**
 * Makes a key's document of a backup say what stands at the vendor now (`judgeRecovered`): by a fresh HEAD and one compare-and-set. No intent is needed, since nobody else reads or writes a bucket that is being recovered; those of the backup stay, for the sweeper to
 * settle afterwards. Sends and deletes no bytes. Fails with `busy` where another run has ended the recovery meanwhile.
 */
export async function recoverKey(engine: Engine, context: OperationContext, key: KeyToRecover): Promise<Settled> {
  const { target } = key;
  for (;;) {
    const found = await engine.index.getKey(target.address);
    const before = found?.value ?? EMPTY;
    const { finding, bytes, next } = await look(engine, context, key, before).catch((error: unknown) => {
      throw fromBackend(error, target.backend.name);
    });
    const after = next && tidy(next(before));
    if (!next || (!after && !found)) return { finding, bytes };
    await key.assertOwn();
    if (!(await isRecovering(engine, target.bucket.id))) throw recoveredMeanwhile();
    const result = await engine.index.changeKey(target.address, changeOf(found, after, { requireActive: true }));
    if (result === 'bucket-not-active') throw bucketNotActive();
    if (result === 'version-conflict') continue;
    tellCommit(engine, target.address, found?.value, after);
    return { finding, bytes };
  }
}

function recoveredMeanwhile(): ObjectsError {
  return new ObjectsError('busy', 'another run has ended the recovery of the bucket', { retryAfterSeconds: 1 });
}

async function look(
  engine: Engine,
  context: OperationContext,
  { target, since, token, isLost }: KeyToRecover,
  before: SeenAfterRestore['before'],
): ReturnType<typeof judgeRecovered> {
  const byId = target.tokens === 'id' ? (token ?? before.current?.placement.token) : undefined;
  const head = await headStanding(target, context, {
    withTags: true,
    ...(byId === undefined ? {} : { token: byId }),
  });
  const { backendId: backend, container, backendKey } = target;
  const seen: SeenAfterRestore = {
    address: target.address,
    place: { backend, container, key: backendKey },
    coexist: target.coexist,
    before,
    head,
    since,
    isWeak: target.tokens === 'none',
    hasIntents: target.tokens !== 'id',
    isLost: before.current ? isLost(before.current.placement) : 'no',
  };
  return judgeRecovered(seen, {
    stillReadable: (record) => headStanding(target, context, { token: record.placement.token }),
    recordOf: (standing, known) =>
      recordFromHead(engine, context, { target, head: standing, ...(known ? { known } : {}) }),
    garbageFrom: engine.clock.now() + engine.settings.graceMs,
  });
}
