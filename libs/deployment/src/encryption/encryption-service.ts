import type { MasterKeyState, Page, PageRequest } from '#libs/metadata';
import type { OperationContext } from '#libs/objects';
import type { JobView } from '../jobs/job-service.js';

/** A master key as it is shown: JSON-ready, and never the key. */
export interface MasterKeyView {
  readonly id: string;
  /** `none`: this process has it, and the deployment has not sealed with it yet. */
  readonly state: MasterKeyState | 'none';
  /** This process has it. */
  readonly atHand: boolean;
  readonly since?: string;
  readonly retiredAt?: string;
}

/** What seals, and what has sealed. */
export interface EncryptionView {
  /** Id of the master key that seals from now on. */
  readonly current: string;
  readonly keys: readonly MasterKeyView[];
}

/** Encryption of a deployment: its master keys are the administrators'. Fails with `DeploymentError`: `unknown-master-key`, `rotation-unfinished`, `wrong-state`; for a bucket also as `openBucket` does. */
export interface EncryptionService {
  view(): Promise<EncryptionView>;
  /** Makes a master key current, which every process has had from its start, and begins the job that wraps anew, under it, what others have sealed; no object's bytes are touched. */
  rotate(context: OperationContext, to: string): Promise<JobView>;
  /** The rotations, newest first. */
  rotations(page: PageRequest): Promise<Page<JobView>>;
  /** Begins the job that seals what lies plain in an encrypted bucket, for its owner too; answers an unfinished one as it is. `wrong-state` where new objects are not encrypted. */
  encryptExisting(context: OperationContext, bucket: string): Promise<JobView>;
  /** Those jobs of a bucket, newest first. */
  encryptions(context: OperationContext, bucket: string, page: PageRequest): Promise<Page<JobView>>;
}
