import type { BlobItem } from '@azure/storage-blob';

/**
 * Snapshots and earlier versions: bytes that Azure keeps beside a blob because somebody took a snapshot, or because the account has versioning on.
 * Spumoni makes none, but a listing of everything shows them, and they can be deleted by these tokens. An ETag never has a colon.
 */
const SNAPSHOT = 'snapshot:';
const VERSION = 'version:';

/** The token of a snapshot or an earlier version; undefined for what stands at the key. */
export function olderToken({ snapshot, versionId, isCurrentVersion }: BlobItem): string | undefined {
  if (snapshot) return SNAPSHOT + snapshot;
  return versionId && isCurrentVersion !== true ? VERSION + versionId : undefined;
}

/** What names it in a request; undefined for any other token. */
export function olderQuery(token: string): Record<string, string> | undefined {
  if (token.startsWith(SNAPSHOT)) return { snapshot: token.slice(SNAPSHOT.length) };
  return token.startsWith(VERSION) ? { versionid: token.slice(VERSION.length) } : undefined;
}
