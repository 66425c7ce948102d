import { isControlPlaneError, type ControlPlaneErrorKind } from '#libs/metadata';
import { IdentityError, type IdentityErrorCode } from './errors.js';

/** What the control plane's refusals mean here; null stays as it is, for it is no refusal. */
const CODE_OF_KIND: Readonly<Record<ControlPlaneErrorKind, IdentityErrorCode | null>> = {
  exists: 'exists',
  'not-found': 'not-found',
  invalid: 'invalid',
  'in-use': 'in-use',
  'last-administrator': 'last-administrator',
  conflict: null,
  unavailable: null,
  incompatible: null,
};

/** Runs the work; refusals of the control plane become `IdentityError`. */
export async function refusing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = isControlPlaneError(error) ? CODE_OF_KIND[error.kind] : null;
    throw code === null || !(error instanceof Error) ? error : new IdentityError(code, error.message, error);
  }
}
