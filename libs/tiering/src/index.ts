export * from './storage-class.js';
export * from './storage-classes.js';
export * from './rehydration.js';
export * from './tier-policy.js';
export * from './default-tier-policies.js';
