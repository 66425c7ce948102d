import { isBackendError, type ObjectBody, type WriteResult } from '#libs/backends';
import type { BucketDocument, ObjectRecord, Sealing, WriteId } from '#libs/metadata';
import { stamped, type UserAttributes } from '../attributes.js';
import { checkBody, type CheckedBody, type Expectations } from '../content/checked-body.js';
import { md5OfEtag } from '../content/etags.js';
import { callOf, type Engine, type OperationContext } from '../engine.js';
import { ObjectsError } from '../errors.js';
import type { Content, SendOptions } from '../mutation/mutation.js';
import { placementRef } from '../mutation/standing.js';
import { openObject } from '../reading/open-object.js';
import { rewrapped, wantsSealing } from '../sealing/sealings.js';
import type { Target } from '../target.js';
import { outgoingTo, type Outgoing } from './outgoing.js';
import { contentOf } from './restamp-object.js';
import { verifiedAgainst } from './verify.js';

/** The bytes of one record on their way to another place. */
export interface Transfer {
  readonly source: { readonly bucket: BucketDocument; readonly key: string; readonly record: ObjectRecord };
  readonly target: Target;
  /** The object itself moves: what was sealed stays so, whatever its bucket asks of new writes. */
  readonly isMove: boolean;
}

/** What the vendor is to keep beside the bytes. */
export interface TransferStamp {
  readonly writeId: WriteId;
  readonly attributes: UserAttributes;
  readonly storageClass?: string;
}

/** How a copy and a move send their bytes. */
export interface Way {
  /** For the candidate record; absent: the plain bytes are sent. */
  readonly sealing?: Sealing;
  send(options: SendOptions, stamp: TransferStamp): Promise<WriteResult>;
  content(): Content | undefined;
}

/**
 * Inside a backend the bytes go on its own side, sealed ones with their data key wrapped anew for their new place; between backends, and between sealed and plain, they go as a stream of plain bytes
 * whose MD5 must be the source's ETag, sealed again under a key of its own where the destination asks for it.
 */
export function transferOf(engine: Engine, context: OperationContext, transfer: Transfer): Way {
  const { target, source } = transfer;
  const { record } = source;
  const isSealed = wantsSealing(target.bucket, transfer.isMove ? record : undefined);
  const isInside =
    record.placement.backend === target.backendId &&
    target.backend.capabilities.serverSideCopy &&
    (record.sealing !== undefined) === isSealed;
  return isInside ? insideWay(engine, context, transfer) : streamWay(engine, context, transfer, isSealed);
}

function streamWay(engine: Engine, context: OperationContext, transfer: Transfer, isSealed: boolean): Way {
  const outgoing = outgoingTo(engine, transfer.target, isSealed);
  const { record } = transfer.source;
  let content: () => Content | undefined = () => (isSealed ? undefined : contentOf(record));
  return {
    ...(outgoing.sealing ? { sealing: outgoing.sealing } : {}),
    content: () => content(),
    send: async (options, stamp) => {
      const sent = await openSource(engine, context, transfer, options).then((checked) => outgoing.of(checked));
      if (isSealed) content = () => withEtagOf(record, sent.content());
      const result = await put(context, transfer, { outgoing, body: sent.body, options, stamp });
      // An ETag that was taken over from a vendor says nothing of the content: what was read is then what must be stored.
      return verifiedAgainst(transfer.target, result, sent.content());
    },
  };
}

/** An object that only moves, or is copied, keeps its ETag, also one that is not the MD5 of its content. */
function withEtagOf({ etag }: ObjectRecord, content: Content | undefined): Content | undefined {
  return content && { ...content, etag };
}

/** As a stream where the backend cannot after all, for example an object above its copy limit: sealed then under a key of its own. */
function insideWay(engine: Engine, context: OperationContext, transfer: Transfer): Way {
  const { source, target } = transfer;
  const { record } = source;
  const from = { bucket: source.bucket.id, key: source.key };
  const sealing = record.sealing && rewrapped(engine, record.sealing, from, target.address);
  let content = (): Content | undefined => contentOf(record, sealing);
  return {
    ...(sealing ? { sealing } : {}),
    content: () => content(),
    send: async (options, stamp) => {
      const copied = await copyInside(context, transfer, { options, stamp, ...(sealing ? { sealing } : {}) });
      if (copied) return verifiedAgainst(target, copied, content());
      const way = streamWay(engine, context, transfer, sealing !== undefined);
      content = () => way.content();
      return way.send(options, stamp);
    },
  };
}

interface Sending {
  readonly options: SendOptions;
  readonly stamp: TransferStamp;
  readonly sealing?: Sealing;
}

/** Undefined where the backend cannot after all. */
async function copyInside(
  context: OperationContext,
  transfer: Transfer,
  { options, stamp, sealing }: Sending,
): Promise<WriteResult | undefined> {
  const { target, source } = transfer;
  try {
    return await target.backend.copy(callOf({ requestId: context.requestId, signal: options.signal }), {
      source: placementRef(source.record.placement),
      container: target.container,
      key: target.backendKey,
      attributes: stamped(stamp.attributes, { ...stamp, sealing }),
      ...(options.condition ? { condition: options.condition } : {}),
    });
  } catch (error) {
    if (isBackendError(error, 'unsupported')) return undefined;
    throw error;
  }
}

async function openSource(
  engine: Engine,
  context: OperationContext,
  { source }: Transfer,
  options: SendOptions,
): Promise<CheckedBody> {
  const opened = await openObject(
    engine,
    { ...context, signal: options.signal },
    { bucket: source.bucket, key: source.key },
  );
  if (opened.record.etag !== source.record.etag || opened.record.size !== source.record.size) {
    opened.discard();
    throw new ObjectsError('changed-meanwhile', 'the source changed before it could be copied');
  }
  return checkBody(opened.body, expectationsOf(source.record));
}

function expectationsOf({ size, etag }: ObjectRecord): Expectations {
  const md5 = md5OfEtag(etag);
  return md5 === undefined ? { size } : { size, md5: Buffer.from(md5, 'hex').toString('base64') };
}

async function put(
  context: OperationContext,
  { target, source }: Transfer,
  { outgoing, body, options, stamp }: Sending & { readonly outgoing: Outgoing; readonly body: ObjectBody },
): Promise<WriteResult> {
  const size = outgoing.sizeOf(source.record.size);
  return target.backend.put(callOf({ ...context, signal: options.signal }), {
    container: target.container,
    key: target.backendKey,
    body,
    ...(size === undefined ? {} : { size }),
    attributes: stamped(stamp.attributes, { ...stamp, sealing: outgoing.sealing }),
    ...(options.condition ? { condition: options.condition } : {}),
  });
}
