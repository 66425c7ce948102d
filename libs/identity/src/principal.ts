import type { UserRole } from '#libs/metadata';

/** Who a request acts for, once its key has been checked. */
export interface Principal {
  readonly userId: string;
  readonly name: string;
  readonly role: UserRole;
}

export function isAdmin(principal: Principal): boolean {
  return principal.role === 'admin';
}

/** True for the bucket's owner, and for administrators, who own everything. */
export function ownsBucket(principal: Principal, bucket: { readonly ownerId: string }): boolean {
  return isAdmin(principal) || bucket.ownerId === principal.userId;
}
