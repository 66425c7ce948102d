import { describe, expect, it } from '@jest/globals';
import { generateKeyPairSync } from 'node:crypto';
import { isBackendError } from '../src/index.js';
import { createWire, isLinkLocal, parseLine } from '../src/wire/index.js';
import { guardedLookup } from '../src/wire/link-local.js';

const secret = { reveal: () => 'do-not-show' };

function problemsOf(
  options: { ca?: string; proxy?: string },
  credentials: Parameters<typeof parseLine>[0]['credentials'] = {},
) {
  const problems: string[] = [];
  const line = parseLine({ options, credentials }, problems);
  return { problems, line };
}

describe('how a backend is reached', () => {
  it('is straight, or through a proxy with the credentials that are kept apart from it', () => {
    expect(problemsOf({})).toEqual({ problems: [], line: {} });
    const { problems, line } = problemsOf(
      { proxy: 'http://proxy.example.org:3128' },
      { proxyUser: 'me', proxyPassword: secret },
    );
    expect(problems).toEqual([]);
    expect(line.proxy).toEqual({ url: new URL('http://proxy.example.org:3128'), user: 'me', password: secret });
  });

  it('may lose its proxy before the credentials for it, and get them before', () => {
    expect(problemsOf({}, { proxyUser: 'me', proxyPassword: secret })).toEqual({ problems: [], line: {} });
  });

  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const shell = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
  it.each([
    ['text that is no PEM', { ca: 'trust me' }, /^options\.ca: expected certificates in PEM/],
    ['a PEM that holds nothing', { ca: shell }, /^options\.ca: expected certificates in PEM/],
    ['a private key, which would be shown', { ca: shell + key }, /^options\.ca: holds a private key/],
    ['more than is read', { ca: 'x'.repeat(300_000) }, /^options\.ca: expected at most/],
    ['a proxy that is no URL', { proxy: 'proxy.example.org' }, /^options\.proxy: expected http/],
    ['another kind of proxy', { proxy: 'socks5://proxy.example.org' }, /^options\.proxy: expected http/],
    ['a proxy with a path', { proxy: 'http://proxy.example.org/path' }, /^options\.proxy: expected http/],
    [
      'a password in the URL, which would be shown',
      { proxy: 'http://u:do-not-show@p' },
      /^options\.proxy: holds a user/,
    ],
    [
      'a metadata service as a proxy',
      { proxy: 'http://169.254.169.254' },
      /^options\.proxy: is the address of a metadata/,
    ],
  ])('is refused with %s', (_, options, message) => {
    const { problems } = problemsOf(options);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(message);
    expect(problems[0]).not.toContain('do-not-show');
  });
});

describe('a metadata service', () => {
  it.each([
    '169.254.169.254',
    '[fe80::1]',
    '[fd00:ec2::254]',
    '[::ffff:169.254.169.254]',
    'metadata.google.internal',
    '168.63.129.16',
  ])('at %s is no backend', (host) => {
    expect(isLinkLocal(host)).toBe(true);
    try {
      createWire({ backend: 'b', origin: `http://${host}` });
    } catch (error) {
      expect(isBackendError(error, 'invalid')).toBe(true);
      return;
    }
    throw new Error('it was accepted');
  });

  it.each([
    ['mapped', '[::ffff:a9fe:a9fe]', '[::ffff:7f00:1]'],
    ['compatible', '[::169.254.169.254]', '[::127.0.0.1]'],
    ['translated', '[::ffff:0:169.254.169.254]', '[::ffff:0:10.0.0.1]'],
    ['NAT64', '[64:ff9b::a9fe:a9fe]', '[64:ff9b::10.0.0.1]'],
    ["Azure's, by NAT64", '[64:ff9b::168.63.129.16]', '[64:ff9b::168.63.129.17]'],
    ['NAT64 of the network’s own, /96', '[64:ff9b:1::a9fe:a9fe]', '[64:ff9b:1::a00:1]'],
    ['NAT64 of the network’s own, /48', '[64:ff9b:1:a9fe:a9:fe00::]', '[64:ff9b:1:a00:0:100::]'],
    ['NAT64 of the network’s own, /56', '[64:ff9b:1:a9:fe:a9fe::]', '[64:ff9b:1:a:0:1::]'],
    ['NAT64 of the network’s own, /64', '[64:ff9b:1:0:a9:fea9:fe00:0]', '[64:ff9b:1:0:a:0:100:0]'],
    ['6to4', '[2002:a9fe:a9fe::1]', '[2002:a00:1::1]'],
  ])('is judged by the IPv4 address that an IPv6 address leads to: %s', (_, bad, good) => {
    expect(isLinkLocal(bad)).toBe(true);
    expect(isLinkLocal(good)).toBe(false);
    // As a URL has them, and as they are written at length.
    expect(isLinkLocal(new URL(`http://${bad}`).hostname)).toBe(true);
    expect(isLinkLocal(bad.toUpperCase())).toBe(true);
  });

  it.each(['127.0.0.1', 'localhost', '10.0.0.1', '[::1]', '[2001:db8::a9fe:a9fe]', 'example.org'])(
    'is not at %s',
    (host) => {
      expect(isLinkLocal(host)).toBe(false);
    },
  );

  it('is not reached by a name that leads there either', async () => {
    const found = await new Promise((resolve) => {
      guardedLookup('169.254.169.254', { all: true }, (error) => resolve(error?.name));
    });
    expect(found).toBe('LinkLocalAddressError');
    const here = await new Promise((resolve) => {
      guardedLookup('localhost', { all: true, family: 4 }, (_, addresses) => resolve(addresses));
    });
    expect(here).toEqual([{ address: '127.0.0.1', family: 4 }]);
  });
});
