import { lookup } from 'node:dns';
import { BlockList, isIP } from 'node:net';
import type { LookupFunction } from 'node:net';
import { embeddedAddresses } from './embedded-addresses.js';

/**
 * Where machines in clouds ask for their own identity and secrets: link-local addresses (RFC 3927, RFC 4291 section 2.5.6), and the unique local ones
 * that AWS (fd00:ec2::/32) and Google (fd20:ce::254) use. Neither a backend nor a proxy is ever there, so nobody makes Spumoni ask there for them.
 * An IPv6 address that leads to an IPv4 address is judged as that one.
 */
const linkLocal = new BlockList();
linkLocal.addSubnet('169.254.0.0', 16, 'ipv4');
linkLocal.addSubnet('fe80::', 10, 'ipv6');
linkLocal.addSubnet('fd00:ec2::', 32, 'ipv6');
linkLocal.addAddress('fd20:ce::254', 'ipv6');

/** The service that every Azure machine asks (learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16), and Alibaba's. */
linkLocal.addAddress('168.63.129.16', 'ipv4');
linkLocal.addAddress('100.100.100.200', 'ipv4');

const NAMES = new Set(['metadata.google.internal', 'metadata']);

/** Whether a host, as a URL has it (IPv6 in brackets), is such an address or the name of one. */
export function isLinkLocal(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '').toLowerCase();
  return NAMES.has(bare.replace(/\.$/, '')) || isLinkLocalAddress(bare);
}

function isLinkLocalAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 0) return false;
  if (family === 4) return linkLocal.check(address, 'ipv4');
  const [bare = ''] = address.split('%');
  return linkLocal.check(bare, 'ipv6') || embeddedAddresses(bare).some((inside) => linkLocal.check(inside, 'ipv4'));
}

/** A host name led to an address that is this machine's own metadata service's. */
export class LinkLocalAddressError extends Error {
  override readonly name = 'LinkLocalAddressError';
  readonly code = 'LINK_LOCAL_ADDRESS';
}

/** Resolves names as ever, and fails on those that lead to a metadata service. */
export const guardedLookup: LookupFunction = (host, options, callback) => {
  lookup(host, { ...options, all: true }, (error, found) => {
    const first = error === null ? found[0] : undefined;
    if (error !== null || first === undefined) {
      callback(error ?? new Error(`${host} has no address`), '', 0);
      return;
    }
    const bad = found.some(({ address }) => isLinkLocalAddress(address));
    if (bad) callback(new LinkLocalAddressError(`${host} leads to a metadata service`), '', 0);
    else if (options.all === true) callback(null, found);
    else callback(null, first.address, first.family);
  });
};
