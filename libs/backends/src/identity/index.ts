export { AMBIENT_VENDORS, NO_MACHINE_IDENTITY, objectionsTo } from './machine-identity.js';
export type { AmbientVendor, IdentityUse, MachineIdentity } from './machine-identity.js';
export { Renewed } from './renewed.js';
export type { Grant } from './renewed.js';
