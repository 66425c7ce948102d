import { RESERVED_KEY_PREFIX } from '#libs/naming';

/** Under which the segments of uploads that are under way lie, in the index and at the vendor. */
export const SEGMENT_PREFIX = `${RESERVED_KEY_PREFIX}u/`;
