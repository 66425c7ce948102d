import { lookup, type LookupAddress } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** Networks that no webhook may reach unless the settings allow it: this machine, its neighbours, and what routers keep for themselves (IANA's special-purpose registries, RFC 6890). */
const PRIVATE_4 = new BlockList();
/** In a list of its own: Node compares IPv4 addresses with mapped networks of IPv6 too. */
const PRIVATE_6 = new BlockList();
for (const [network, bits] of [
  ...[
    ['0.0.0.0', 8],
    ['10.0.0.0', 8],
    ['100.64.0.0', 10],
    ['127.0.0.0', 8],
    ['169.254.0.0', 16],
  ],
  ...[
    // Azure answers each of its machines there, with what is theirs alone.
    ['168.63.129.16', 32],
    ['172.16.0.0', 12],
    ['192.0.0.0', 24],
    ['192.0.2.0', 24],
    ['192.88.99.0', 24],
    ['192.168.0.0', 16],
  ],
  ...[
    ['198.18.0.0', 15],
    ['198.51.100.0', 24],
    ['203.0.113.0', 24],
    ['224.0.0.0', 4],
    ['240.0.0.0', 4],
  ],
] as [string, number][])
  PRIVATE_4.addSubnet(network, bits, 'ipv4');
for (const [network, bits] of [
  ...[
    ['::', 96],
    ['::ffff:0:0', 96],
    ['::ffff:0:0:0', 96],
    ['64:ff9b::', 96],
    ['64:ff9b:1::', 48],
    ['100::', 64],
    ['2001::', 23],
  ],
  ...[
    ['2001:db8::', 32],
    ['2002::', 16],
    ['fc00::', 7],
    ['fe80::', 10],
    ['fec0::', 10],
    ['ff00::', 8],
  ],
] as [string, number][])
  PRIVATE_6.addSubnet(network, bits, 'ipv6');

/** True for an address that is nobody's on the internet. What is no address is taken for private. Addresses that carry an IPv4 address inside (mapped, NAT64, 6to4) count as private whatever they carry. */
export function isPrivateAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 0) return true;
  return family === 4 ? PRIVATE_4.check(address, 'ipv4') : PRIVATE_6.check(address, 'ipv6');
}

/** An address that a webhook named is not to be reached. */
export class PrivateAddressError extends Error {
  override readonly name = 'PrivateAddressError';
}

export function refusePrivate(host: string, address: string): PrivateAddressError {
  const where = host === address ? host : `${host} (${address})`;
  return new PrivateAddressError(
    `${where} is an address of a private network; SPUMONI_WEBHOOK_PRIVATE=true allows such`,
  );
}

/**
 * Looks names up for a connection, and refuses those of which any address is private. The connection goes to the very addresses that were checked, so a name that changes its mind in between
 * (DNS rebinding) gains nothing.
 */
export const publicLookup: LookupFunction = (hostname, options, done) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) {
      done(error, '');
      return;
    }
    const bad = addresses.find(({ address }) => isPrivateAddress(address));
    const first = addresses[0];
    if (bad || !first) done(refusePrivate(hostname, bad?.address ?? 'no address'), '');
    else if (options.all === true) done(null, addresses satisfies LookupAddress[]);
    else done(null, first.address, first.family);
  });
};
