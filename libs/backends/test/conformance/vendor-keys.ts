import { encodeKey } from '#libs/naming';
import type { Vendor } from '#libs/naming';

/** What the caller of the port does: keys that a vendor cannot hold are escaped before they reach its adapter. */
export function vendorKey(key: string, vendor: Vendor): string {
  const encoded = encodeKey(key, vendor);
  if (encoded.ok) return encoded.key;
  throw new Error(`${vendor} cannot hold the key: ${encoded.violations.map(({ message }) => message).join('; ')}`);
}
