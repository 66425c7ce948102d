/**
 * What a backend gives that is unique to one write (DESIGN section 5, Tokens), and so how writes of one key live together:
 * - `version`: an S3 VersionId. Writes of a key coexist; each is read and deleted by its own token.
 * - `id`: the filesystem backend's own fresh id. Writes coexist.
 * - `generation`: GCS. A write replaces the one before; reads, writes and deletes can be made conditional on it.
 * - `etag`: Azure. A write replaces; conditional likewise, and an ETag names a write, not content.
 * - `none`: nothing names a write (an S3 container without versioning: its ETag names content). Shown as `weak`; every change takes a lease.
 */
export const TOKEN_KINDS = ['version', 'id', 'generation', 'etag', 'none'] as const;
export type TokenKind = (typeof TOKEN_KINDS)[number];

/** True where the bytes of earlier writes of a key stay until they are deleted by token. */
export function writesCoexist(kind: TokenKind): boolean {
  return kind === 'version' || kind === 'id';
}

/** What a backend can do: static data of its vendor, narrowed by what the registration's probe saw the endpoint really do. */
export interface BackendCapabilities {
  /** The token kind of a container this backend makes. A container taken over may have less: see `ContainerInfo.tokens`. */
  readonly tokens: TokenKind;
  /** `put` honours `{ifAbsent: true}`. */
  readonly writeIfAbsent: boolean;
  /** `put` honours `{ifToken}`. */
  readonly writeIfToken: boolean;
  /** `delete` of a token is atomic: it can never remove another write's bytes. */
  readonly deleteByToken: boolean;
  /** Bodies of unknown length or above the single-request limit can be stored. */
  readonly multipart: boolean;
  /** `copy` between containers of this backend moves no bytes through Spumoni. */
  readonly serverSideCopy: boolean;
  /** Where tags are kept at the vendor: as its own tags, or in a reserved metadata name. */
  readonly tags: 'native' | 'metadata';
  /** Storage classes that a write may name; the first is the default. */
  readonly storageClasses: readonly string[];
}
