import type { BackupKeys } from '#libs/backup';
import type { ControlPlane, MasterKeyRecord } from '#libs/metadata';
import {
  KeyRing,
  makeMasterKey,
  MasterKeyError,
  masterKeyIdOf,
  openAwsKms,
  parseMasterKeys,
  readMasterKeys,
  type KeyManagement,
  type MasterKey,
} from '#libs/secrets';
import type { Settings } from '#libs/settings';

/** Where the keys at hand come from. */
interface Source {
  /** For messages. */
  readonly where: string;
  readonly read: () => Promise<readonly MasterKey[]>;
  /** Makes a first key; absent where keys are given from outside. */
  readonly make?: () => Promise<readonly MasterKey[]>;
}

function sourceOf({ masterKeys, masterKeyFile: path, isStateless }: Settings, kms: KeyManagement | undefined): Source {
  if (masterKeys !== undefined) {
    return { where: 'SPUMONI_MASTER_KEY', read: () => parseMasterKeys(masterKeys.reveal(), 'SPUMONI_MASTER_KEY', kms) };
  }
  const file = { path, ...(kms ? { kms } : {}) };
  const source = { where: `the file ${path}`, read: () => readMasterKeys(file) };
  // One of several stateless processes must not make a key that the others have not.
  return isStateless ? source : { ...source, make: () => makeMasterKey(file) };
}

/**
 * The master keys of this process. A first one is made only for a deployment that has sealed nothing yet. Throws MasterKeyError where a key that the deployment needs is not among those at hand, and says
 * which: without it credentials and objects would be lost, and a new one would hide that.
 */
export async function openMasterKeys(settings: Settings, controlPlane: ControlPlane): Promise<KeyRing> {
  const kms = settings.kms && (await openAwsKms(settings.kms));
  try {
    const source = sourceOf(settings, kms);
    const records = await begun(controlPlane, source);
    const keys = await source.read();
    requireAll(keys, records, source.where);
    return new KeyRing(keys, currentIdOf(controlPlane, records));
  } finally {
    kms?.close();
  }
}

/** The keys that the settings lead to, and where they are; makes none. Fails with MasterKeyError where they cannot be read. */
export async function masterKeysAtHand(settings: Settings): Promise<BackupKeys> {
  const kms = settings.kms && (await openAwsKms(settings.kms));
  try {
    const source = sourceOf(settings, kms);
    const keys = new Map((await source.read()).map((key) => [key.id, key]));
    return { ids: [...keys.keys()], find: (id) => keys.get(id), where: source.where };
  } finally {
    kms?.close();
  }
}

/** Which keys the deployment knows; on its first start, or its first since it keeps note of them, those at hand. */
async function begun(controlPlane: ControlPlane, source: Source): Promise<readonly MasterKeyRecord[]> {
  const known = await controlPlane.masterKeys.list();
  if (known.length > 0) return known;
  const used = await usedKeyIds(controlPlane);
  const found = await source.read();
  const missing = used.filter((id) => !found.some((key) => key.id === id));
  if (missing.length > 0) throw needs(missing, found, source.where);
  const keys = found.length === 0 && source.make ? await source.make() : found;
  if (keys.length === 0)
    throw new MasterKeyError(
      `there is no master key in ${source.where}: name the file that all processes share by SPUMONI_MASTER_KEY_FILE (64 hex digits: openssl rand -hex 32), or give SPUMONI_MASTER_KEY`,
    );
  return controlPlane.masterKeys.begin([...new Set([...used, ...keys.slice(0, 1).map((key) => key.id)])]);
}

/** The keys that credentials are sealed by: those of a deployment older than its record of keys. */
async function usedKeyIds(controlPlane: ControlPlane): Promise<string[]> {
  const { backends, keys } = await controlPlane.configuration.current();
  const sealed = [...backends.map((backend) => backend.credentials), ...keys.map((key) => key.secret)];
  return [...new Set(sealed.map(masterKeyIdOf))];
}

function requireAll(keys: readonly MasterKey[], records: readonly MasterKeyRecord[], where: string): void {
  const needed = records.filter((record) => record.state !== 'retired');
  const missing = needed.filter((record) => !keys.some((key) => key.id === record.id)).map((record) => record.id);
  if (missing.length > 0) throw needs(missing, keys, where);
}

function needs(missing: readonly string[], found: readonly MasterKey[], where: string): MasterKeyError {
  const has = found.length === 0 ? 'there is none' : `there is ${found.map((key) => key.id).join(', ')}`;
  return new MasterKeyError(
    `this deployment needs the master key ${missing.join(' and ')}, and in ${where} ${has}: bring it back from your backup. Without it credentials and encrypted objects cannot be opened`,
  );
}

/** As of at most a second ago; while the control plane is away, as last known. */
function currentIdOf({ configuration }: ControlPlane, records: readonly MasterKeyRecord[]): () => string {
  const idIn = (list: readonly MasterKeyRecord[]): string | undefined =>
    list.find((record) => record.state === 'current')?.id;
  let last = idIn(records) ?? '';
  return () => (last = idIn(configuration.currentOrUndefined()?.masterKeys ?? []) ?? last);
}
