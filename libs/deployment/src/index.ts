export * from './errors.js';
export type * from './deployment.js';
export type * from './backends/backend-service.js';
export type * from './tiers/tier-service.js';
export type * from './migrations/migration-service.js';
export type * from './lifecycles/lifecycle-service.js';
export type * from './jobs/job-service.js';
export { openDeployment } from './open-deployment.js';
