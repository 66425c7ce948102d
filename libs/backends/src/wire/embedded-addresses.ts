/** A network of IPv6 whose addresses lead to the IPv4 address that they hold, by its first bytes in hex; and the byte at which that begins. */
interface Embedding {
  readonly network: string;
  readonly at: readonly number[];
}

const EMBEDDINGS: readonly Embedding[] = [
  // IPv4-compatible and IPv4-mapped (RFC 4291 section 2.5.5), IPv4-translated (RFC 2765 section 2.1).
  { network: '00'.repeat(12), at: [12] },
  { network: `${'00'.repeat(10)}ffff`, at: [12] },
  { network: `${'00'.repeat(8)}ffff0000`, at: [12] },
  // NAT64: the well-known prefix (RFC 6052 section 2.1).
  { network: `0064ff9b${'00'.repeat(8)}`, at: [12] },
  // 6to4 (RFC 3056 section 2).
  { network: '2002', at: [2] },
  // NAT64 for local use (RFC 8215): how long its prefix is the network says, so the IPv4 address may begin in several places (RFC 6052 section 2.2).
  { network: '0064ff9b0001', at: [6, 7, 9, 12] },
];
/** Of addresses by RFC 6052 it is 0 and part of nothing. */
const RESERVED_BYTE = 8;

/** The IPv4 addresses that a well-formed IPv6 address may lead to: a gateway, a tunnel or this very machine's stack sends what is meant for it there. */
export function embeddedAddresses(address: string): string[] {
  const bytes = bytesOf(address);
  const hex = bytes.toString('hex');
  return EMBEDDINGS.filter(({ network }) => hex.startsWith(network)).flatMap(({ at }) =>
    at.map((from) => fourBytes(bytes, from).join('.')),
  );
}

function fourBytes(bytes: Buffer, from: number): number[] {
  const passes = from <= RESERVED_BYTE && from + 4 > RESERVED_BYTE;
  return [...bytes.subarray(from, from + (passes ? 5 : 4))].filter((_, n) => !passes || from + n !== RESERVED_BYTE);
}

/** Its 16 bytes. A zone (`%eth0`) is no part of the address. */
function bytesOf(address: string): Buffer {
  const [bare = ''] = address.split('%');
  const hex = bare.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...four: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = four.slice(0, 4).map(Number);
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  });
  const [front = [], back] = hex.split('::').map((half) => (half === '' ? [] : half.split(':')));
  const zeros = back === undefined ? [] : Array<string>(Math.max(0, 8 - front.length - back.length)).fill('0');
  const groups = [...front, ...zeros, ...(back ?? [])].map((group) => group.padStart(4, '0'));
  return Buffer.from(groups.join(''), 'hex');
}
