/** Stable codes of what running a deployment refuses. Protocol layers map them exhaustively, beside those of the domain, of identity and of the control plane. */
export const DEPLOYMENT_ERROR_CODES = [
  'invalid-backend',
  'no-such-backend',
  'backend-exists',
  'backend-in-use',
  'backend-check-failed',
  'credentials-required',
  'invalid-tier',
  'no-such-tier',
  'tier-in-use',
  'invalid-migration',
  'no-such-migration',
  'migration-unfinished',
  'invalid-lifecycle',
  'no-such-lifecycle',
  'invalid-limits',
  'no-such-job',
  'no-such-upload',
  'upload-offset',
  'upload-expired',
  'too-many-uploads',
  'wrong-state',
  'unknown-master-key',
  'rotation-unfinished',
  'changed-meanwhile',
  'invalid-prices',
  'invalid-webhook',
  'backup-under-way',
  'backup-unfinished',
  'invalid-setting',
] as const;
export type DeploymentErrorCode = (typeof DEPLOYMENT_ERROR_CODES)[number];

/** One thing wrong with an input: where, as `credentials.secretKey`, and what was expected there. */
export interface InputViolation {
  readonly path: string;
  readonly message: string;
}

/** What a client may be told beside the message. Never a secret. */
export interface DeploymentErrorDetails {
  readonly violations?: readonly InputViolation[];
  readonly facts?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** A refusal of the services of a deployment. Its message says what was wrong and what was expected, for people, and holds no credential. */
export class DeploymentError extends Error {
  override readonly name = 'DeploymentError';
  readonly violations: readonly InputViolation[];
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(
    readonly code: DeploymentErrorCode,
    message: string,
    details: DeploymentErrorDetails = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.violations = details.violations ?? [];
    this.facts = details.facts ?? {};
  }
}

/** True for a refusal of a deployment's services, of that code if one is given. */
export function isDeploymentError(error: unknown, code?: DeploymentErrorCode): error is DeploymentError {
  return error instanceof DeploymentError && (code === undefined || error.code === code);
}

/** The refusal of an input, with everything that is wrong in it. */
export function invalid(
  code: Extract<DeploymentErrorCode, `invalid-${string}`>,
  what: string,
  violations: readonly InputViolation[],
): DeploymentError {
  const told = violations.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ');
  return new DeploymentError(code, `${what}: ${told}`, { violations });
}
