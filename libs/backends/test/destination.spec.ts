import { describe, expect, it } from '@jest/globals';
import { movedDestinations, type Destination } from '../src/index.js';

const minio: Destination = { type: 's3', profile: 'minio', endpoint: 'https://minio.example.com:9000', options: {} };
const aws: Destination = { type: 'aws', options: {} };
const azure: Destination = { type: 'azure', options: {}, accountName: 'examplestore' };
const gcs: Destination = { type: 'gcs', options: { projectId: 'p' } };
const proxied: Destination = { ...minio, options: { proxy: 'http://proxy.example.com:3128' } };

/** Two authorities of nobody, self-signed. */
const ONE = `-----BEGIN CERTIFICATE-----
MIIBczCCARmgAwIBAgIUEIMA9d5ozK0YjgI+dpPgsbOfw6UwCgYIKoZIzj0EAwIw
DjEMMAoGA1UEAwwDT05FMCAXDTI2MTEyMjAwNTMzNloYDzIxMjYxMDI5MDA1MzM2
WjAOMQwwCgYDVQQDDANPTkUwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQdxhTD
21dQdJ/pgi1ImXBSvoZGr88pTbp2h5BEZwwY0pEY+wMJUU0Jc1LklPvLZQx7ZZeB
25igYE8Nr9HLFwI4o1MwUTAdBgNVHQ4EFgQUMf04eRX+gCpxEyDvf3TEcGLCquIw
HwYDVR0jBBgwFoAUMf04eRX+gCpxEyDvf3TEcGLCquIwDwYDVR0TAQH/BAUwAwEB
/zAKBggqhkjOPQQDAgNIADBFAiBRzvgb9KDv/Q1YGHY1KsgnsHQUtJmfOf7eNA1Y
YQUGDgIhAM2oJ6P9C5zsTU4ilAoVc1WbSlGQVKtxIYhlUd/ocsIw
-----END CERTIFICATE-----
`;
const OTHER = `-----BEGIN CERTIFICATE-----
MIIBeDCCAR2gAwIBAgIUGes787PezeF9L/IAnd4ESNcFOigwCgYIKoZIzj0EAwIw
EDEOMAwGA1UEAwwFT1RIRVIwIBcNMjYxMTIyMDA1MzM2WhgPMjEyNjEwMjkwMDUz
MzZaMBAxDjAMBgNVBAMMBU9USEVSMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
B79as7gNEmoct4jMtkhC1LsHVY9WPeOMXw+7hWh6pOLuyNQBtWfk9pJniKqdqHOs
b6NX2Ytq8u+CfAMVbkF5PKNTMFEwHQYDVR0OBBYEFNmUITBC7igx96N723gX2xXe
2Yo/MB8GA1UdIwQYMBaAFNmUITBC7igx96N723gX2xXe2Yo/MA8GA1UdEwEB/wQF
MAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhAOn552LgS0mbmoPbRzUfFQr0LCwvHnWB
oOWM1TPzv+ncAiEA7Ff0nIRqFamCbNiQ5JZC5w9SpijkKFGAujumNGgZN7g=
-----END CERTIFICATE-----
`;

/** OpenSSL takes it as well. */
const trusted = (pem: string): string => pem.replaceAll('CERTIFICATE', 'TRUSTED CERTIFICATE');

describe('where credentials are sent', () => {
  it.each<[string, Destination, Partial<Destination>, string[]]>([
    ['another host', minio, { endpoint: 'https://evil.example.com:9000' }, ['endpoint']],
    ['another port', minio, { endpoint: 'https://minio.example.com' }, ['endpoint']],
    ['plain http', minio, { endpoint: 'http://minio.example.com:9000' }, ['endpoint']],
    ['a host that begins alike', minio, { endpoint: 'https://minio.example.com.evil:9000' }, ['endpoint']],
    ["a path, as emulators of Azure have the account's", azure, { endpoint: 'http://127.0.0.1:10000/a' }, ['endpoint']],
    ["an endpoint instead of the vendor's own", gcs, { endpoint: 'https://storage.example.com' }, ['endpoint']],
    ["the vendor's own of another region", aws, { region: 'eu-central-1' }, ['region']],
    ['the same of a profile', { type: 's3', profile: 'wasabi', options: {} }, { region: 'eu-1' }, ['region']],
    ['a proxy', minio, { options: { proxy: 'http://evil.example.com' } }, ['options.proxy']],
    ['another proxy', proxied, { options: { proxy: 'http://proxy.example.com:3129' } }, ['options.proxy']],
    ['no proxy any more', proxied, { options: {} }, ['options.proxy']],
    ['another STS', minio, { options: { stsEndpoint: 'https://evil.example.com' } }, ['options.stsEndpoint']],
    ['another STS than AWS', aws, { options: { stsEndpoint: 'https://sts.example.com' } }, ['options.stsEndpoint']],
    ['another issuer', azure, { options: { authorityHost: 'https://evil.example.com' } }, ['options.authorityHost']],
    ['an authority of one’s own', minio, { options: { ca: ONE } }, ['options.ca']],
    ['a second authority', { ...minio, options: { ca: ONE } }, { options: { ca: ONE + OTHER } }, ['options.ca']],
    [
      'one of another form',
      { ...minio, options: { ca: ONE } },
      { options: { ca: ONE + trusted(OTHER) } },
      ['options.ca'],
    ],
    ['another authority', { ...minio, options: { ca: ONE } }, { options: { ca: OTHER } }, ['options.ca']],
  ])('is another place by %s', (_, before, change, settings) => {
    expect(movedDestinations(before, { ...before, ...change })).toEqual(settings);
  });

  it.each<[string, Destination, Partial<Destination>]>([
    ['the same endpoint in capitals', minio, { endpoint: 'HTTPS://MinIO.example.COM:9000/' }],
    ['a port that is the default', { ...minio, endpoint: 'https://a.example' }, { endpoint: 'https://a.example:443' }],
    ["the vendor's own endpoint written out", aws, { endpoint: 'https://s3.us-east-1.amazonaws.com' }],
    ["Azure's", azure, { endpoint: 'https://examplestore.blob.core.windows.net/' }],
    ["Google's", gcs, { endpoint: 'https://storage.googleapis.com' }],
    ['the default region written out', aws, { region: 'us-east-1' }],
    ['a region that forms no host', minio, { region: 'eu-west-1' }],
    ['the STS that it is anyway', minio, { options: { stsEndpoint: 'https://minio.example.com:9000' } }],
    ['the same proxy in other words', proxied, { options: { proxy: 'HTTP://proxy.example.com:3128/' } }],
    ['an authority less', { ...minio, options: { ca: ONE + OTHER } }, { options: { ca: OTHER } }],
    [
      'the same authorities in another order',
      { ...minio, options: { ca: ONE + OTHER } },
      { options: { ca: OTHER + ONE } },
    ],
    ['what says nothing of it', minio, { options: { connections: 3, partBytes: 8_388_608, pathStyle: true } }],
  ])('is the same by %s', (_, before, change) => {
    expect(movedDestinations(before, { ...before, ...change })).toEqual([]);
  });
});
