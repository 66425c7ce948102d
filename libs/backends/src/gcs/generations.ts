import { BackendError } from '../errors.js';

/** A token that cannot be a generation names no write: GCS would answer 400, or for 0 what stands there now. */
export function generationOf(token: string, backend: string): string {
  if (isGeneration(token)) return token;
  throw new BackendError('not-found', `no write has the token ${JSON.stringify(token)}: expected a generation`, {
    backend,
  });
}

/** Generations are positive 64-bit numbers. */
export function isGeneration(token: string): boolean {
  return /^[1-9]\d{0,18}$/.test(token);
}
