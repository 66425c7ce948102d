import { randomBytes } from 'node:crypto';
import {
  type Stats,
  closeSync,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { MasterKeyError } from './errors.js';
import type { KeyManagement } from './key-management.js';
import { parseMasterKeys } from './key-text.js';
import { masterKeyBytes, type MasterKey } from './master-key.js';

const openToOthers = 0o077;
const readableByGroup = 0o040;

/**
 * True if an account that is none of ours could read the file, or change it. A file of somebody else's that its group may read was handed to us through that group, as Kubernetes mounts a
 * secret (`fsGroup`, mode 0440): that is no opening.
 */
function isOpenToOthers({ mode, uid }: Pick<Stats, 'mode' | 'uid'>): boolean {
  const handedOver = uid !== process.geteuid?.();
  return (mode & (handedOver ? openToOthers & ~readableByGroup : openToOthers)) !== 0;
}

function isErrno(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}

function withDescriptor<T>(descriptor: number, work: (descriptor: number) => T): T {
  try {
    return work(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function read(path: string): string | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (cause) {
    if (isErrno(cause, 'ENOENT')) return undefined;
    throw new MasterKeyError(`the master key file ${path} cannot be read`, { cause });
  }
  return withDescriptor(descriptor, () => {
    // Asked of the open file, so that the file judged is the file read.
    const stats = fstatSync(descriptor);
    if (isOpenToOthers(stats)) {
      const found = (stats.mode & 0o777).toString(8);
      throw new MasterKeyError(
        `the master key file ${path} is open to other accounts (mode ${found}); make it 600: chmod 600 ${path}`,
      );
    }
    return readFileSync(descriptor, 'latin1');
  });
}

function syncDirectory(path: string): void {
  withDescriptor(openSync(path, 'r'), fsyncSync);
}

/** Writes a whole key beside its place and links it in, so that neither a crash nor a second process ever sees half a key. */
function create(path: string, text: string): void {
  const fresh = `${path}.${randomBytes(6).toString('hex')}.new`;
  withDescriptor(openSync(fresh, 'wx', 0o600), (descriptor) => {
    writeSync(descriptor, `${text}\n`);
    fsyncSync(descriptor);
  });
  try {
    linkSync(fresh, path);
  } catch (cause) {
    // Another process made one first: that one counts.
    if (!isErrno(cause, 'EEXIST')) throw new MasterKeyError(`the master key file ${path} cannot be made`, { cause });
  } finally {
    rmSync(fresh, { force: true });
  }
  syncDirectory(dirname(path));
}

/** Where master keys are kept: a file of mode 0600, one key a line, in hex or base64, or as a KMS has wrapped it. */
export interface KeyFile {
  readonly path: string;
  /** Unwraps those that are wrapped, and wraps one that is made. */
  readonly kms?: KeyManagement;
}

/**
 * The keys of a file, in their order; none where there is no file. Throws MasterKeyError if it is open to other accounts, damaged, or cannot be read, and where the KMS refuses.
 */
export async function readMasterKeys({ path, kms }: KeyFile): Promise<readonly MasterKey[]> {
  const text = read(path);
  if (text === undefined) return [];
  const keys = await parseMasterKeys(text, `the master key file ${path}`, kms);
  if (keys.length === 0)
    throw new MasterKeyError(
      `the master key file ${path} is damaged: expected ${masterKeyBytes * 2} hex digits, and found none; restore it from your backup`,
    );
  return keys;
}

/**
 * Makes a file with a first key, exclusively, and synced with its directory before the key is used, since whatever is sealed under a lost key is lost. Any number of processes may call it at once and get
 * the same key. Throws MasterKeyError if it cannot be made.
 */
export async function makeMasterKey(file: KeyFile): Promise<readonly MasterKey[]> {
  const { path, kms } = file;
  const text = kms
    ? Buffer.from((await kms.generate()).wrapped).toString('base64')
    : randomBytes(masterKeyBytes).toString('hex');
  try {
    create(path, text);
  } catch (cause) {
    if (cause instanceof MasterKeyError) throw cause;
    throw new MasterKeyError(`the master key file ${path} cannot be made`, { cause });
  }
  const made = await readMasterKeys(file);
  if (made.length === 0) throw new MasterKeyError(`the master key file ${path} vanished while it was being made`);
  return made;
}
