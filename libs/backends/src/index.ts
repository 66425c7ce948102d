export * from './capabilities.js';
export * from './memory/index.js';
export * from './definition.js';
export * from './errors.js';
export { AMBIENT_VENDORS, NO_MACHINE_IDENTITY } from './identity/index.js';
export type { AmbientVendor, MachineIdentity } from './identity/index.js';
export * from './object-backend.js';
export * from './registry.js';
export * from './wrappers/index.js';
