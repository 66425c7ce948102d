export * from './audit-records.js';
export * from './audit-store.js';
export * from './clock.js';
export { ConfigurationCache, CONFIGURATION_MAX_AGE_MS, type ConfigurationSource } from './configuration-cache.js';
export {
  ControlPlaneArchive,
  findDeployment,
  type ArchivedRows,
  type ControlPlaneFacts,
} from './control-plane-archive.js';
export type { PostgresConnection } from './data-source.js';
export * from './errors.js';
export * from './event-records.js';
export * from './event-store.js';
export * from './job-records.js';
export * from './job-store.js';
export { openControlPlane, type ControlPlaneOptions } from './open-control-plane.js';
export type { Page, PageRequest } from './paging.js';
export * from './ports.js';
export { PromptClient } from './prompt-client.js';
export * from './records.js';
export * from './seen-directories.js';
export * from './upload-store.js';
export * from './usage-records.js';
export * from './usage-store.js';
