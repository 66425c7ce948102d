export { BodySourceError, sourceFailureOf } from './failures.js';
export { heldBody } from './wire-body.js';
export type { WireBody } from './wire-body.js';
export { createWire } from './wire.js';
export type { Wire, WireAnswer, WireOptions, WireRequest } from './wire.js';
export { DIRECT } from './line.js';
export type { Line } from './line.js';
export { lineCredentials, lineOptions, parseLine } from './line-settings.js';
export { isLinkLocal } from './link-local.js';
