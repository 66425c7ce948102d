import { QueryFailedError } from 'typeorm';
import { ControlPlaneError, type ControlPlaneErrorKind } from './errors.js';

/** SQLSTATEs that mean something to a caller. 23001 is what Postgres 18 says where earlier ones say 23503. */
const KIND_OF_STATE: Readonly<Record<string, ControlPlaneErrorKind>> = {
  '23505': 'exists',
  '22021': 'invalid',
  '22P05': 'invalid',
  '23001': 'in-use',
  // Chosen by the other to end: the same call may succeed if sent again.
  '40001': 'unavailable',
  '40P01': 'unavailable',
  '25006': 'unavailable',
};

/** Classes of SQLSTATE: connection, authorization, catalog missing, resources, operator intervention, system. */
const UNAVAILABLE_CLASSES = new Set(['08', '28', '3D', '53', '57', '58']);

/** What pg, its pool and TypeORM say, without any code, when the connection is the trouble. */
const CONNECTION_WORDS =
  /connection terminated|timeout|not queryable|after calling end|driver not connected|connection error|connection is closed/i;

const MEANING: Readonly<Record<ControlPlaneErrorKind, string>> = {
  exists: 'exists already',
  'not-found': 'there is none, or what it refers to is not there',
  conflict: 'it was changed meanwhile',
  invalid: 'a text holds the character U+0000, which cannot be stored',
  'in-use': 'other records still refer to it',
  'last-administrator': 'no enabled administrator with an enabled key would remain',
  unavailable: 'the control plane cannot be reached',
  incompatible: 'the stored schema is of a newer version',
};

/** The SQLSTATE or the system's code of an error, if it has one. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

function isReferenceMissing(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('detail' in error)) return false;
  return typeof error.detail === 'string' && error.detail.includes('is not present');
}

function kindOf(error: unknown): ControlPlaneErrorKind | undefined {
  const code = codeOf(error);
  if (code === undefined) {
    return error instanceof Error && CONNECTION_WORDS.test(error.message) ? 'unavailable' : undefined;
  }
  if (code === '23503') return isReferenceMissing(error) ? 'not-found' : 'in-use';
  if (/^[0-9A-Z]{5}$/.test(code) && !code.startsWith('E')) {
    return KIND_OF_STATE[code] ?? (UNAVAILABLE_CLASSES.has(code.slice(0, 2)) ? 'unavailable' : undefined);
  }
  return /^(E[A-Z]+|EAI_AGAIN)$/.test(code) ? 'unavailable' : undefined;
}

/** The failure in the port's words; one that has no such word (a defect of ours) stays as it is. `what` names the record. */
export function translate(what: string, error: unknown): unknown {
  if (error instanceof ControlPlaneError) return error;
  const kind = kindOf(error instanceof QueryFailedError ? error.driverError : error);
  return kind === undefined ? error : new ControlPlaneError(kind, `${what}: ${MEANING[kind]}`, error);
}

/** Runs the work; its failures are `ControlPlaneError`. */
export async function attempt<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw translate(what, error);
  }
}

export function notFound(what: string): ControlPlaneError {
  return new ControlPlaneError('not-found', `${what}: there is none`);
}

/** For an `after` that no page can have given. */
export function invalidAfter(): ControlPlaneError {
  return new ControlPlaneError('invalid', 'after must be the "next" of an earlier page');
}

/** The record, or `not-found`. */
export function required<T>(what: string, found: T | null | undefined): T {
  if (found === null || found === undefined) throw notFound(what);
  return found;
}

/** Ids come from requests too: one of another form names nothing. */
export function isUuid(id: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id);
}
