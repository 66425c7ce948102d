/**
 * Tokens of the S3 family. In a versioned container the token is the VersionId. Where nothing is versioned it is the ETag in its quotes, which
 * no VersionId begins with; S3 calls such an object the `null` version, so asking for that one never makes, nor meets, a delete marker.
 */
export function tokenOf(versionId: string | undefined, vendorEtag: string): string {
  return versionId === undefined || versionId === '' || versionId === 'null' ? `"${vendorEtag}"` : versionId;
}

export interface TokenTarget {
  readonly versionId?: string;
  /** Quoted, as in If-Match. */
  readonly etag?: string;
}

/** What to ask a vendor for: `versioned` says whether it knows versions at all. */
export function targetOf(token: string | undefined, versioned: boolean): TokenTarget {
  if (token === undefined) return {};
  if (!token.startsWith('"')) return { versionId: token };
  return versioned ? { versionId: 'null', etag: token } : { etag: token };
}

/** The text of an ETag header without its quotes, nor the mark of a weak one. */
export function unquote(etag: string): string {
  return etag.replace(/^(?:W\/)?"?|"$/g, '');
}

/** An ETag that is the MD5 of the content: 32 hex digits, and no encryption that makes them something else. */
export function md5Of(etag: string, headers: Readonly<Record<string, string>>): string | undefined {
  const encrypted =
    headers['x-amz-server-side-encryption']?.startsWith('aws:') ||
    headers['x-amz-server-side-encryption-customer-algorithm'] !== undefined;
  return !encrypted && /^[0-9a-f]{32}$/i.test(etag) ? etag.toLowerCase() : undefined;
}
