import type { ObjectHead } from '#libs/backends';

const MD5 = /^[0-9a-f]{32}$/;

/** The MD5 in hex that an object's ETag is, of anything that Spumoni wrote; undefined for an ETag that was taken over from a vendor and says nothing of the content. */
export function md5OfEtag(etag: string): string | undefined {
  return MD5.test(etag) ? etag : undefined;
}

/** The ETag of an object that somebody else wrote and whose MD5 its vendor does not tell: the vendor's own, marked with `-1` where it would look like an MD5 (as that of an object under SSE-KMS does). */
export function outsideEtag({ vendorEtag }: Pick<ObjectHead, 'vendorEtag'>): string {
  return MD5.test(vendorEtag) ? `${vendorEtag}-1` : vendorEtag;
}
