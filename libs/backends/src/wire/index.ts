export { BodySourceError, sourceFailureOf } from './failures.js';
export type { WireBody } from './wire-body.js';
export { createWire } from './wire.js';
export type { Wire, WireAnswer, WireOptions, WireRequest } from './wire.js';
