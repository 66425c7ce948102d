export * from './suggest.js';
export * from './validate.js';
export * from './vendors.js';
export type { NameVerdict, Violation } from './verdict.js';
