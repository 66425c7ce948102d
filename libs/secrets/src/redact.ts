import { types } from 'node:util';
import { hiddenText, Secret } from './secret.js';

/** Names under which secrets travel, without regard to case, `-` and `_`. */
const secretNames = new Set([
  'secret',
  'secretkey',
  'secretaccesskey',
  'clientsecret',
  'password',
  'accountkey',
  'privatekey',
  'privatekeyid',
  'authorization',
  'proxyauthorization',
  'proxypassword',
  'sessiontoken',
  'sastoken',
  'externalid',
  'externalaccount',
  'accesstoken',
  'refreshtoken',
  'idtoken',
  'subjecttoken',
  'clientassertion',
  'securitytoken',
  'xamzsecuritytoken',
  'xamzsignature',
  'signature',
  'masterkey',
  'connectionstring',
  'credentials',
  'serviceaccount',
  'cookie',
  'setcookie',
]);

const deepest = 8;
const tooDeep = '[too deep]';
const circular = '[circular]';

function isSecretName(name: string): boolean {
  return secretNames.has(name.toLowerCase().replaceAll(/[-_]/g, ''));
}

function redactEntries(entries: Iterable<[string, unknown]>, above: readonly object[]): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [name, value] of entries) {
    const shown = isSecretName(name) && value !== undefined && value !== null ? hiddenText : redactBelow(value, above);
    // Defined, not assigned: a key named __proto__ must stay a key.
    Object.defineProperty(result, name, { value: shown, enumerable: true, configurable: true, writable: true });
  }
  return result;
}

/** By shape as well: an error of another realm (a worker's, a sandbox's) is no instance of ours. */
function isError(value: object): value is Error {
  return value instanceof Error || ('message' in value && 'stack' in value && 'name' in value);
}

function redactError(error: Error, above: readonly object[]): Record<string, unknown> {
  const { name, message, stack } = error;
  const own = Object.entries(error).filter(([key]) => !['name', 'message', 'stack', 'cause'].includes(key));
  const cause = error.cause === undefined ? {} : { cause: redactBelow(error.cause, above) };
  return { name, message, stack, ...redactEntries(own, above), ...cause };
}

function redactBelow(value: unknown, above: readonly object[]): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Secret) return hiddenText;
  if (above.includes(value)) return circular;
  if (above.length >= deepest) return tooDeep;
  const path = [...above, value];
  if (Array.isArray(value)) return value.map((item: unknown) => redactBelow(item, path));
  if (isError(value)) return redactError(value, path);
  if (types.isDate(value) || value instanceof URL) return value;
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (types.isMap(value))
    return redactEntries(
      [...value].map(([key, item]) => [String(key), item]),
      path,
    );
  if (types.isSet(value)) return [...value].map((item: unknown) => redactBelow(item, path));
  return redactEntries(Object.entries(value), path);
}

/**
 * A copy fit for a log: every Secret and everything under a name that secrets go by becomes `[secret]`, at any depth down to 8
 * levels, below which nothing is shown. Bytes become their count, circles are cut. The value itself stays as it was.
 */
export function redact(value: unknown): unknown {
  return redactBelow(value, []);
}
