import { isBackendError, type WriteResult } from '#libs/backends';
import type { BucketDocument, ObjectRecord, WriteId } from '#libs/metadata';
import { stamped, type UserAttributes } from '../attributes.js';
import { checkBody, type Expectations } from '../content/checked-body.js';
import { md5OfEtag } from '../content/etags.js';
import { callOf, type Engine, type OperationContext } from '../engine.js';
import { ObjectsError } from '../errors.js';
import type { Content, SendOptions } from '../mutation/mutation.js';
import { placementRef } from '../mutation/standing.js';
import { openObject } from '../reading/open-object.js';
import type { Target } from '../target.js';
import { contentOf } from './restamp-object.js';
import { verifiedAgainst } from './verify.js';

/** The bytes of one record on their way to another place. */
export interface Transfer {
  readonly source: { readonly bucket: BucketDocument; readonly key: string; readonly record: ObjectRecord };
  readonly target: Target;
  readonly writeId: WriteId;
  readonly attributes: UserAttributes;
  readonly storageClass?: string;
}

/** How a copy and a move send their bytes: inside a backend on its own side, between backends as a stream whose MD5 must be the source's ETag. */
export function transferOf(
  engine: Engine,
  context: OperationContext,
  transfer: Transfer,
): { send: (options: SendOptions) => Promise<WriteResult>; content: () => Content } {
  const { record } = transfer.source;
  const isInside =
    record.placement.backend === transfer.target.backendId && transfer.target.backend.capabilities.serverSideCopy;
  return {
    content: () => contentOf(record),
    send: async (options) => {
      const copied = isInside ? await copyInside(context, transfer, options) : undefined;
      return verifiedAgainst(
        transfer.target,
        copied ?? (await stream(engine, context, transfer, options)),
        contentOf(record),
      );
    },
  };
}

/** Undefined where the backend cannot after all, for example an object above its copy limit. */
async function copyInside(
  context: OperationContext,
  transfer: Transfer,
  options: SendOptions,
): Promise<WriteResult | undefined> {
  const { target, source } = transfer;
  try {
    return await target.backend.copy(callOf({ requestId: context.requestId, signal: options.signal }), {
      source: placementRef(source.record.placement),
      container: target.container,
      key: target.backendKey,
      attributes: stamped(transfer.attributes, transfer.storageClass, transfer.writeId),
      ...(options.condition ? { condition: options.condition } : {}),
    });
  } catch (error) {
    if (isBackendError(error, 'unsupported')) return undefined;
    throw error;
  }
}

async function stream(
  engine: Engine,
  context: OperationContext,
  transfer: Transfer,
  options: SendOptions,
): Promise<WriteResult> {
  const { target, source } = transfer;
  const inner: OperationContext = { ...context, signal: options.signal };
  const opened = await openObject(engine, inner, { bucket: source.bucket, key: source.key });
  if (opened.record.etag !== source.record.etag || opened.record.size !== source.record.size) {
    opened.discard();
    throw new ObjectsError('changed-meanwhile', 'the source changed before it could be copied');
  }
  const checked = checkBody(opened.body, expectationsOf(source.record));
  const result = await target.backend.put(callOf(inner), {
    container: target.container,
    key: target.backendKey,
    body: checked.body,
    size: source.record.size,
    attributes: stamped(transfer.attributes, transfer.storageClass, transfer.writeId),
    ...(options.condition ? { condition: options.condition } : {}),
  });
  // An ETag that was taken over from a vendor says nothing of the content: what was read must then be what was stored.
  return verifiedAgainst(target, result, checked.content());
}

function expectationsOf({ size, etag }: ObjectRecord): Expectations {
  const md5 = md5OfEtag(etag);
  return md5 === undefined ? { size } : { size, md5: Buffer.from(md5, 'hex').toString('base64') };
}
