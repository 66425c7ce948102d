import type { ControlPlane, IndexKind, ObjectIndex } from '#libs/metadata';
import type { Settings } from '#libs/settings';
import { invalid, type DeploymentError } from './errors.js';

/** Where the settings say that the object index lies. */
export function indexKindOf({ mongodbUrl }: Settings): IndexKind {
  return mongodbUrl === undefined ? 'lmdb' : 'mongodb';
}

const WHERE: Readonly<Record<IndexKind, string>> = {
  lmdb: 'the data directory (SPUMONI_MONGODB_URL is not set)',
  mongodb: 'the MongoDB that SPUMONI_MONGODB_URL names',
};

function elsewhere(kind: IndexKind, why: string): DeploymentError {
  const there: IndexKind = kind === 'lmdb' ? 'mongodb' : 'lmdb';
  const mend = there === 'mongodb' ? 'set SPUMONI_MONGODB_URL as it was' : 'take SPUMONI_MONGODB_URL away';
  const message = `${why}: with the index in ${WHERE[kind]} its objects would not be found. To go on, ${mend}; to carry the deployment over, make a backup with the settings as they were (npm run backup) and restore it into an empty deployment with the new ones (npm run restore): docs/guides/backup.md`;
  return invalid('invalid-setting', 'these settings are wrong', [{ path: 'SPUMONI_MONGODB_URL', message }]);
}

/**
 * Sees to it that a deployment whose buckets are in one index is not served from another. Fails with `invalid-setting`, saying what to do. A deployment of a version that did not keep note is asked
 * for one of its buckets; one that has none may change its mind. To be called before anything is written to the index.
 */
export async function settleIndexPlace(controlPlane: ControlPlane, kind: IndexKind, index: ObjectIndex): Promise<void> {
  const noted = await controlPlane.indexKind();
  if (noted === kind) return;
  const { items } = await controlPlane.buckets.list({ limit: 100 });
  const active = items.find(({ state }) => state === 'active');
  if (noted === undefined) {
    if (active && (await index.getBucket(active.id)) === undefined)
      throw elsewhere(kind, `this deployment's bucket ${active.name} is not in this index`);
  } else if (items.length > 0) throw elsewhere(kind, `the object index of this deployment lies in ${WHERE[noted]}`);
  await controlPlane.setIndexKind(kind);
}
