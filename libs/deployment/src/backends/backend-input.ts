import { z } from 'zod';
import { BACKEND_TYPES, S3_PROFILES, type BackendType, type S3Profile } from '#libs/naming';
import { invalid, type InputViolation } from '../errors.js';
import { readInput } from '../read-input.js';
import type { BackendInput } from './backend-service.js';
import { readCredentials, type ClearCredentials } from './credentials.js';

const NAME = /^[a-z0-9-]{1,63}$/;

const type = z.preprocess(
  (value) => (value === 'gcp' ? 'gcs' : value),
  z.enum(BACKEND_TYPES, { error: `expected one of ${BACKEND_TYPES.join(', ')}` }),
);

/** Only the form is checked here: whether an endpoint fits its vendor, and plain http is allowed, the adapter says. */
const endpoint = z.url({ protocol: /^https?$/, error: 'expected a URL such as https://s3.example.com' });
const region = z.string({ error: 'expected a text' }).min(1, 'expected a text that is not empty');
const options = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]), {
  error: 'expected an object of texts, numbers and booleans',
});

const outline = z.strictObject({
  name: z.string({ error: 'expected a name' }).regex(NAME, 'expected 1 to 63 lower-case letters, digits and dashes'),
  type,
  profile: z.enum(S3_PROFILES, { error: `expected one of ${S3_PROFILES.join(', ')}` }).optional(),
  endpoint: endpoint.optional(),
  region: region.optional(),
  credentials: z.unknown().optional(),
  options: options.default({}),
});

/** A definition as a client wishes it, read and checked in form. */
export interface WishedBackend {
  readonly name: string;
  readonly type: BackendType;
  readonly profile?: S3Profile;
  readonly endpoint?: string;
  readonly region?: string;
  readonly options: Readonly<Record<string, string | number | boolean>>;
  readonly clear: ClearCredentials;
}

function refuse(violations: readonly InputViolation[]): Error {
  return invalid('invalid-backend', 'the backend cannot be registered so', violations);
}

/** Reads what a client sent to register a backend. Fails with `invalid-backend` and everything that is wrong in form. */
export function readBackendInput(input: BackendInput): WishedBackend {
  const read = readInput(outline, input);
  const violations = 'violations' in read ? read.violations : [];
  const typed = type.safeParse(input.type);
  const credentials = typed.success ? readCredentials(typed.data, input.credentials) : { clear: {} };
  if ('violations' in credentials) throw refuse([...violations, ...credentials.violations]);
  if ('violations' in read) throw refuse(violations);
  const { name, profile, endpoint: url, region: where, options: given } = read.data;
  if (profile !== undefined && read.data.type !== 's3') {
    throw refuse([{ path: 'profile', message: 'only a backend of type s3 has a profile' }]);
  }
  return {
    name,
    type: read.data.type,
    ...(profile === undefined ? {} : { profile }),
    ...(url === undefined ? {} : { endpoint: url }),
    ...(where === undefined ? {} : { region: where }),
    options: given,
    clear: credentials.clear,
  };
}

const changes = z.strictObject({
  endpoint: endpoint.nullable().optional(),
  region: region.nullable().optional(),
  options: options.optional(),
  credentials: z.unknown().optional(),
});

/** Reads what a client sent to change one. Null takes a field away; an absent one stays. Fails with `invalid-backend`. */
export function readBackendChange(input: object): z.output<typeof changes> {
  const read = readInput(changes, input);
  if ('violations' in read) throw refuse(read.violations);
  return read.data;
}

/** Reads new credentials for a backend of that type. Fails with `invalid-backend`. */
export function readNewCredentials(of: BackendType, given: unknown): ClearCredentials {
  const read = readCredentials(of, given);
  if ('violations' in read) throw refuse(read.violations);
  return read.clear;
}
