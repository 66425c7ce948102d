import type { Vendor } from '#libs/naming';
import type { BackendCapabilities, TokenKind } from '../capabilities.js';

/** A vendor of which each token kind is typical: its naming rules then hold for the memory backend too. */
export const TYPICAL_VENDOR: Readonly<Record<TokenKind, Vendor>> = {
  version: 'aws',
  id: 'filesystem',
  generation: 'gcs',
  etag: 'azure',
  none: 'generic',
};

/** What the memory backend can do with tokens of this kind. Without tokens a delete checks first and removes later, as S3 does. */
export function memoryCapabilities(
  tokens: TokenKind,
  storageClasses: readonly string[] = ['STANDARD', 'COLD'],
): BackendCapabilities {
  return {
    tokens,
    writeIfAbsent: true,
    writeIfToken: true,
    deleteByToken: tokens !== 'none',
    multipart: true,
    serverSideCopy: true,
    tags: 'native',
    storageClasses,
  };
}
