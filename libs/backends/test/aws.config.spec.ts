import { describe, expect, it } from '@jest/globals';
import { S3_PROFILES } from '#libs/naming';
import { parseConfig } from '../src/aws/config.js';
import { isBackendError } from '../src/index.js';
import type { BackendDefinition } from '../src/index.js';

const secretKey = { reveal: () => 'do-not-show' };
const AWS: BackendDefinition = { name: 'b', type: 'aws', credentials: { accessKey: 'a', secretKey }, options: {} };
const S3: BackendDefinition = { ...AWS, type: 's3', endpoint: 'https://s3.example.org' };

function refusal(definition: object): string {
  try {
    parseConfig(Object.assign({ ...S3 }, definition));
  } catch (error) {
    if (isBackendError(error, 'invalid')) return error.message;
    throw error;
  }
  throw new Error('the settings were accepted');
}

describe('settings of the S3 family', () => {
  it('gives AWS its own endpoint in virtual-host style, for the region asked for or us-east-1', () => {
    expect(parseConfig(AWS)).toMatchObject({ region: 'us-east-1', addressing: 'virtual-host', vendor: 'aws' });
    expect(parseConfig({ ...AWS, region: 'eu-central-1' }).endpoint.href).toBe(
      'https://s3.eu-central-1.amazonaws.com/',
    );
    expect(parseConfig({ ...AWS, region: 'cn-north-1' }).endpoint.href).toBe('https://s3.cn-north-1.amazonaws.com.cn/');
  });

  it('uses path style at an endpoint of one’s own, unless told otherwise', () => {
    expect(parseConfig({ ...AWS, endpoint: 'https://s3.lan:9000' }).addressing).toBe('path');
    expect(parseConfig({ ...S3, options: { pathStyle: false } }).addressing).toBe('virtual-host');
  });

  it.each(S3_PROFILES)('opens the profile %s', (profile) => {
    const config = parseConfig({ ...S3, profile, region: 'region-1' });
    expect(config).toMatchObject({ vendor: profile, region: 'region-1' });
    expect(config.partBytes).toBeGreaterThanOrEqual(5 * 1024 * 1024);
  });

  it.each([
    ['wasabi', 'eu-central-1', 'https://s3.eu-central-1.wasabisys.com'],
    ['backblaze-b2', 'us-west-004', 'https://s3.us-west-004.backblazeb2.com'],
    ['huawei-obs', 'cn-north-4', 'https://obs.cn-north-4.myhuaweicloud.com'],
    ['alibaba-oss', 'cn-hangzhou', 'https://s3.oss-cn-hangzhou.aliyuncs.com'],
    ['alibaba-oss', 'oss-cn-hangzhou', 'https://s3.oss-cn-hangzhou.aliyuncs.com'],
    ['ibm-cos', 'eu-de', 'https://s3.eu-de.cloud-object-storage.appdomain.cloud'],
  ] as const)('knows the endpoint of %s in %s', (profile, region, origin) => {
    const { name, credentials } = AWS;
    expect(parseConfig({ name, type: 's3', profile, region, credentials, options: {} }).endpoint.origin).toBe(origin);
  });

  it('names every setting that is missing, unknown or wrong, at once', () => {
    const message = refusal({
      credentials: { accountName: 'x' },
      options: { path: '/x', connections: 0 },
      colour: 'red',
    });
    for (const part of [
      'credentials.accessKey: missing',
      'credentials.secretKey',
      'credentials.accountName: unknown',
      'options.path: unknown',
      'options.connections',
      'colour: unknown',
    ])
      expect(message).toContain(part);
  });

  it.each([
    ['a missing endpoint', { endpoint: undefined, profile: 'minio' }, 'endpoint: missing'],
    ['a missing region', { profile: 'backblaze-b2', endpoint: undefined }, 'region: missing'],
    ['text that is no URL', { endpoint: 's3.example.org' }, 'endpoint: expected'],
    ['another scheme', { endpoint: 'ftp://s3.example.org' }, 'endpoint: expected'],
    ['a path', { endpoint: 'https://s3.example.org/bucket' }, 'endpoint: expected'],
    ['a password in the URL', { endpoint: 'https://u:p@s3.example.org' }, 'endpoint: expected'],
    ['plain http', { endpoint: 'http://s3.example.org' }, 'insecure'],
    ['plain http to this machine', { endpoint: 'http://127.0.0.1:9000' }, 'insecure'],
    ['insecure that is no boolean', { endpoint: 'http://a', options: { insecure: 'yes' } }, 'options.insecure'],
    ['a profile of type aws', { type: 'aws', profile: 'minio' }, 'profile'],
    ['an odd region', { region: 'eu/1' }, 'region: expected'],
  ])('refuses %s', (_, wrong, expected) => {
    const message = refusal(wrong);
    expect(message).toContain(expected);
    expect(message).not.toContain('do-not-show');
  });
});
