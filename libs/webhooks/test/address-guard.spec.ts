import { describe, expect, it } from '@jest/globals';
import { isPrivateAddress } from '../src/index.js';

describe('the guard of webhooks', () => {
  it.each(['8.8.8.8', '1.1.1.1', '172.15.0.1', '172.32.0.1', '2606:4700::1111', '2a00:1450:4001::8a'])(
    'take %s for an address of the internet',
    (address) => expect(isPrivateAddress(address)).toBe(false),
  );
  it.each([
    ...[
      '10.1.2.3',
      '127.8.8.8',
      '192.168.1.1',
      '172.16.0.1',
      '172.31.255.255',
      '169.254.169.254',
      '168.63.129.16',
      '100.64.0.1',
      '0.0.0.0',
    ],
    ...[
      '255.255.255.255',
      '::1',
      '::',
      'fe80::1',
      'fd00::1',
      '::ffff:8.8.8.8',
      '::ffff:0:8.8.8.8',
      '64:ff9b::7f00:1',
      '2002:7f00:1::',
      'ff02::1',
    ],
    'no address',
  ])('take %s for a private one', (address) => expect(isPrivateAddress(address)).toBe(true));
});
