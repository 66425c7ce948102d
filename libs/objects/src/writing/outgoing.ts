import type { ObjectBody } from '#libs/backends';
import type { Sealing } from '#libs/metadata';
import type { CheckedBody } from '../content/checked-body.js';
import type { Engine } from '../engine.js';
import type { Content } from '../mutation/mutation.js';
import { sealedSize } from '../sealing/layout.js';
import { sealBody } from '../sealing/sealed-body.js';
import { freshSealing } from '../sealing/sealings.js';
import type { Target } from '../target.js';

/** How one write sends its bytes: as they are, or sealed under a data key of its own. */
export interface Outgoing {
  /** For the record and the vendor's metadata; absent: as they are. */
  readonly sealing?: Sealing;
  /** How long what is sent will be, where that of the plain bytes is known. */
  sizeOf(plain: number | undefined): number | undefined;
  /** What is sent of a checked body, and all that is known of it once it has gone. */
  of(checked: CheckedBody): { readonly body: ObjectBody; readonly content: () => Content | undefined };
}

const PLAIN: Outgoing = { sizeOf: (plain) => plain, of: (checked) => checked };

/** The way out for one write to this target. */
export function outgoingTo(engine: Engine, target: Target, isSealed: boolean): Outgoing {
  if (!isSealed) return PLAIN;
  const { dataKey, sealing } = freshSealing(engine, target.address);
  // Where writes lie under fresh ids the backend is a disk of ours, which tells no MD5.
  const tellsMd5 = target.tokens !== 'id';
  return {
    sealing,
    sizeOf: (plain) => (plain === undefined ? undefined : sealedSize(plain)),
    of: (checked) => {
      const { body, stored } = sealBody(dataKey, checked.body, tellsMd5);
      return { body, content: () => sealedContent(checked.content(), sealing, stored()) };
    },
  };
}

function sealedContent(
  content: Content | undefined,
  sealing: Sealing,
  stored: ReturnType<ReturnType<typeof sealBody>['stored']>,
): Content | undefined {
  return content && stored && { ...content, sealed: { sealing, stored } };
}
