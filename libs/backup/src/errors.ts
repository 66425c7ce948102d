/**
 * Why a backup could not be made or restored:
 * - `damaged`: the file is no backup, ends too early, or holds other bytes than were written. `newer`: a later version wrote it.
 * - `forged`: it is whole, and not what was signed. `unsigned`: it bears no signature, and none was said to be needed.
 * - `not-empty`: what is to be restored into is in use. `missing-key`: a master key that the backup needs, to be signed, looked through or used, is not at hand.
 * - `exists`: the file to be written is there already. `wrong-index`: the deployment keeps its object index elsewhere.
 */
export type BackupErrorKind =
  'damaged' | 'newer' | 'forged' | 'unsigned' | 'not-empty' | 'missing-key' | 'exists' | 'wrong-index';

/** A refusal with a reason for a person. Outages keep the errors of their stores. */
export class BackupError extends Error {
  override readonly name = 'BackupError';
  constructor(
    readonly kind: BackupErrorKind,
    message: string,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
  }
}
