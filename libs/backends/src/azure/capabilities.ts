import { storageClassesOf } from '#libs/tiering';
import type { BackendCapabilities } from '../capabilities.js';

/** The access tiers that a write may name, the default first. */
export const AZURE_TIERS: readonly string[] = (() => {
  const names = storageClassesOf('azure').map(({ name }) => name);
  const first = storageClassesOf('azure').find((one) => one.default)?.name ?? 'Hot';
  return [first, ...names.filter((name) => name !== first)];
})();

/** What Azure Blob storage can do by its documents: the upper bound that a probe narrows. */
export const AZURE_CAPABILITIES: BackendCapabilities = {
  tokens: 'etag',
  writeIfAbsent: true,
  writeIfToken: true,
  deleteByToken: true,
  multipart: true,
  serverSideCopy: true,
  tags: 'native',
  storageClasses: AZURE_TIERS,
};
