import { decodeKey, isEscapedKey, MalformedEscapeError, RESERVED_KEY_PREFIX, validateObjectKey } from '#libs/naming';

/** What a listed backend key means: a key of Spumoni's, or nothing that a key of Spumoni's can be, and why. */
export type ReadKey = { readonly key: string } | { readonly unindexable: string };

/** Reads a backend key. Keys under `.spumoni/e/` are escapes; all else under `.spumoni/` is Spumoni's own, whoever put it. */
export function readBackendKey(backendKey: string): ReadKey {
  if (backendKey.startsWith(RESERVED_KEY_PREFIX) && !isEscapedKey(backendKey))
    return {
      unindexable: `keys beginning "${RESERVED_KEY_PREFIX}" are Spumoni's own, and this one is none that it made`,
    };
  try {
    const key = decodeKey(backendKey);
    const violations = validateObjectKey(key);
    if (violations.length > 0) return { unindexable: violations.map((violation) => violation.message).join('; ') };
    return { key };
  } catch (error) {
    if (error instanceof MalformedEscapeError) return { unindexable: error.message };
    throw error;
  }
}
