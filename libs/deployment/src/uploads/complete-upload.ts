import { randomUUID } from 'node:crypto';
import type { BucketDocument, ControlPlane, UploadRecord, WriteId } from '#libs/metadata';
import {
  isObjectsError,
  newWriteIdFor,
  ObjectsError,
  putObject,
  readSegments,
  type Engine,
  type ObjectsErrorCode,
  type OperationContext,
} from '#libs/objects';
import { segmentOf, wishOf, type UploadEnd } from './stored-text.js';

/** How long a claim holds without being renewed. A process that dies over an upload keeps it for so long. */
const CLAIM_MS = 30_000;

/** What no later try would change. */
const FOR_GOOD: ReadonlySet<ObjectsErrorCode> = new Set([
  ...(['precondition-failed', 'bad-digest', 'invalid-key', 'invalid-metadata', 'invalid-tags'] as const),
  ...(['invalid-storage-class', 'too-large', 'damaged'] as const),
]);

export interface UploadTools {
  readonly engine: Engine;
  readonly controlPlane: Pick<ControlPlane, 'uploads'>;
}

/** Runs work on an upload that nobody else can claim meanwhile; `work` is told when the claim was lost. Fails with `busy` if somebody else has it. */
export async function claimed<T>(
  { engine, controlPlane: { uploads } }: UploadTools,
  id: string,
  work: (claim: { readonly id: string; readonly record: UploadRecord; readonly signal: AbortSignal }) => Promise<T>,
): Promise<T> {
  const { clock } = engine;
  const claim = randomUUID();
  const record = await uploads.claim(id, claim, clock.now() + CLAIM_MS);
  if (!record)
    throw new ObjectsError('busy', 'the upload is being put together or ended by another request', {
      retryAfterSeconds: 2,
    });
  const lost = new AbortController();
  let lastRenewal = clock.monotonic();
  const stop = clock.every(CLAIM_MS / 6, async () => {
    const isStill = await uploads.renew(id, claim, { until: clock.now() + CLAIM_MS }).catch(() => undefined);
    // Where the control plane is away, the claim holds on for as long as nobody else can have taken it.
    if (isStill === true) lastRenewal = clock.monotonic();
    else if (isStill === false || clock.monotonic() - lastRenewal > CLAIM_MS / 2) lost.abort(takenOver());
  });
  try {
    return await work({ id: claim, record, signal: lost.signal });
  } catch (error) {
    await uploads.renew(id, claim, { until: 0 }).catch(() => undefined);
    throw error;
  } finally {
    stop();
  }
}

function takenOver(): ObjectsError {
  return new ObjectsError('busy', 'the upload was taken over by another request', { retryAfterSeconds: 2 });
}

/** Makes the object of an upload that has all its bytes, by one ordinary put, and records how that ended. Fails as the put does, and with `busy` where another took it over meanwhile; a failure that may pass leaves the upload open. */
export async function completeUpload(
  tools: UploadTools,
  context: OperationContext,
  bucket: BucketDocument,
  id: string,
): Promise<UploadEnd> {
  const { uploads } = tools.controlPlane;
  return claimed(tools, id, async (claim) => {
    const end = await settled(() => putTogether(tools, { ...context, signal: claim.signal }, bucket, claim));
    const ended = { state: 'etag' in end ? 'done' : 'failed', outcome: JSON.stringify(end) } as const;
    // Whoever took it over reads the parts now, and will say how it ended.
    if (!(await uploads.finish(id, claim.id, ended))) throw takenOver();
    return end;
  });
}

async function settled(work: () => Promise<UploadEnd>): Promise<UploadEnd> {
  try {
    return await work();
  } catch (error) {
    if (!isObjectsError(error) || !FOR_GOOD.has(error.code)) throw error;
    return { code: error.code, message: error.message };
  }
}

async function putTogether(
  { engine, controlPlane: { uploads } }: UploadTools,
  context: OperationContext,
  bucket: BucketDocument,
  claim: { readonly id: string; readonly record: UploadRecord },
): Promise<UploadEnd> {
  const { id, wish, size } = claim.record;
  const { key, attributes, storageClass, conditions, expected } = wishOf(wish);
  const before = await earlier(engine, { bucket: bucket.id, key }, claim.record.attempt as WriteId | undefined);
  if (before) return before;
  const writeId = newWriteIdFor(engine, { bucket: bucket.id, key });
  if (!(await uploads.renew(id, claim.id, { until: engine.clock.now() + CLAIM_MS, attempt: writeId })))
    throw takenOver();
  const segments = (await uploads.segments(id)).map(({ segment }) => segmentOf(segment));
  const outcome = await putObject(engine, context, {
    bucket,
    key,
    attributes,
    writeId,
    expected: { ...expected, size },
    body: readSegments(engine, context, bucket.id, segments),
    ...(storageClass === undefined ? {} : { storageClass }),
    ...(conditions ? { conditions } : {}),
  });
  return { etag: outcome.record.etag };
}

/** What came of an earlier try whose process died or was not told: its object, also one that was replaced since. While that is open it is waited for. */
async function earlier(
  engine: Engine,
  address: { readonly bucket: BucketDocument['id']; readonly key: string },
  attempt: WriteId | undefined,
): Promise<UploadEnd | undefined> {
  if (attempt === undefined) return undefined;
  const document = (await engine.index.getKey(address))?.value;
  if (document?.current?.placement.writeId === attempt) return { etag: document.current.etag };
  if (document?.garbage.some(({ placement }) => placement.writeId === attempt)) return { etag: '' };
  if (document?.intents.some(({ writeId }) => writeId === attempt))
    throw new ObjectsError('busy', 'an earlier try to put the upload together is not settled yet', {
      retryAfterSeconds: 5,
    });
  return undefined;
}
