import { storageClassesOf } from '#libs/tiering';
import type { BackendCapabilities } from '../capabilities.js';

/** Google Cloud Storage by its documents: the upper bound that a probe narrows. */
export const GCS_CAPABILITIES: BackendCapabilities = {
  tokens: 'generation',
  writeIfAbsent: true,
  writeIfToken: true,
  deleteByToken: true,
  multipart: true,
  serverSideCopy: true,
  // Objects have no tags of their own (object contexts are another thing, and young): they go into a reserved metadata name.
  tags: 'metadata',
  storageClasses: classes(),
};

/** The default first. */
function classes(): string[] {
  const known = storageClassesOf('gcs');
  const first = known.find((one) => one.default)?.name ?? 'STANDARD';
  return [first, ...known.map(({ name }) => name).filter((name) => name !== first)];
}
