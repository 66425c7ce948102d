import { describe, expect, it } from '@jest/globals';
import type { NameOptions, Vendor } from '../src/index.js';
import { legalEverywhere, validateBucketName, VENDORS, vendorRules } from '../src/index.js';

type Row = readonly [vendor: Vendor, rule: string, passes: readonly string[], fails: readonly string[], NameOptions?];

const a = (count: number): string => 'a'.repeat(count);

/** Every example of the vendors' own tables: what passes, and what fails by which rule. */
const TABLE: readonly Row[] = [
  ['aws', 'length', ['abc', a(63)], ['ab', '', a(64)]],
  ['aws', 'characters', ['my-logs.2026'], ['MyLogs', 'my_logs', 'my logs', 'bücher']],
  ['aws', 'begin-and-end', ['1logs'], ['-logs', 'logs.', '.logs', 'logs-']],
  ['aws', 'adjacent-periods', ['a.b.c', 'a.-b', 'a-.b'], ['a..b']],
  ['aws', 'ip-address', ['192.168.5'], ['192.168.5.4']],
  ['aws', 'reserved-prefix-xn', ['xn-logs'], ['xn--logs']],
  ['aws', 'reserved-prefix-sthree', ['sthreelogs'], ['sthree-logs', 'sthree-configurator']],
  ['aws', 'reserved-prefix-amzn-s3-demo', ['amzn-logs'], ['amzn-s3-demo-logs']],
  ['aws', 'reserved-suffix-s3alias', ['s3alias-x'], ['x-s3alias']],
  ['aws', 'reserved-suffix-ol-s3', ['x-ol-s3'], ['x--ol-s3']],
  ['aws', 'reserved-suffix-mrap', ['x-mrap'], ['x.mrap']],
  ['aws', 'reserved-suffix-x-s3', ['x-x-s3'], ['logs--x-s3', 'logs--usw2-az1--x-s3']],
  ['aws', 'reserved-suffix-table-s3', ['x-table-s3'], ['x--table-s3']],
  ['aws', 'account-regional-suffix', ['logs-an-x'], ['logs-an', 'logs-111122223333-us-west-2-an']],
  [
    'aws',
    'account-regional-form',
    ['logs-111122223333-us-west-2-an', 'l-111122223333-us-gov-east-1-an'],
    ['logs', 'logs-an', 'logs-1111-us-west-2-an'],
    { namespace: 'account-regional' },
  ],
  ['aws', 'transfer-acceleration-periods', ['my-logs'], ['my.logs'], { transferAcceleration: true }],
  ['aws', 'characters', ['logs--usw2-az1--x-s3'], ['lo.gs--usw2-az1--x-s3'], { namespace: 'directory' }],
  ['aws', 'directory-form', ['logs--usw2-az1--x-s3'], ['logs', 'logs--x-s3'], { namespace: 'directory' }],
  ['wasabi', 'reserved-suffix-x-s3', ['x--table-s3', 'logs-an'], ['logs--x-s3']],
  ['wasabi', 'reserved-prefix-xn', ['xn-logs'], ['xn--logs']],

  ['azure', 'length', ['abc', a(63)], ['ab', a(64)]],
  ['azure', 'characters', ['my-logs'], ['My-logs', 'my.logs', 'my_logs', '$other']],
  ['azure', 'begin-and-end', ['0logs'], ['-logs', 'logs-']],
  ['azure', 'adjacent-dashes', ['a-b-c'], ['a--b']],
  ['azure', 'special-container', ['root', 'web', 'logs'], ['$root', '$web', '$logs']],
  ['azure', 'special-container', ['$root', '$web'], ['$logs'], { existing: true }],

  ['gcs', 'characters', ['my_logs'], ['My_logs', 'my logs']],
  ['gcs', 'begin-and-end', ['1logs'], ['_logs', 'logs-']],
  ['gcs', 'length', ['abc', a(63), `${a(63)}.${a(63)}`, `${a(63)}.${a(63)}.${a(63)}.${a(30)}`], ['ab', a(64)]],
  ['gcs', 'length', [], [`${a(63)}.${a(63)}.${a(63)}.${a(31)}`]],
  ['gcs', 'component-length', [`${a(63)}.${'b'.repeat(63)}`], [`${a(64)}.com`]],
  ['gcs', 'ip-address', ['10.0.0'], ['192.168.5.4']],
  ['gcs', 'adjacent-periods', ['a.b'], ['a..b']],
  ['gcs', 'reserved-prefix-goog', ['my-goog'], ['goog-logs', 'google']],
  ['gcs', 'google', ['gogle1'], ['my-google-x', 'my-g00gle-x']],
  ['gcs', 'domain-ownership', ['www.example.com'], []],

  ['huawei-obs', 'adjacent-periods', ['my-bucket.01'], ['my..b']],
  ['huawei-obs', 'dash-beside-period', ['my-bucket.01'], ['my-.bucket', 'my.-bucket']],
  ['huawei-obs', 'ip-address', [], ['192.168.0.1']],
  ['huawei-obs', 'begin-and-end', [], ['-bucket', 'bucket.', '.bucket', 'bucket-']],
  ['alibaba-oss', 'characters', ['oss-bucket01'], ['Examplebucket1', 'test_bucket_2021', 'a.b']],
  ['alibaba-oss', 'begin-and-end', [], ['aliyun-oss-bucket-']],
  ['ibm-cos', 'adjacent-dashes', ['my.logs-1'], ['a--b']],
  ['ibm-cos', 'adjacent-periods', [], ['a..b']],
  ['ibm-cos', 'reserved-prefix-cosv1', [], ['cosv1-x']],
  ['ibm-cos', 'reserved-prefix-account', [], ['account-x']],
  ['ibm-cos', 'ip-address', [], ['10.1.2.3']],
  ['cloudflare-r2', 'characters', ['my-bucket'], ['my.bucket', 'My']],
  ['cloudflare-r2', 'begin-and-end', [], ['-x', 'x-x-']],
  ['backblaze-b2', 'length', ['my-logs', 'logs12'], ['logs1', a(64)]],
  ['backblaze-b2', 'reserved-prefix-b2', [], ['b2-logs']],
  ['backblaze-b2', 'characters', [], ['a.bcdef', 'my_logs']],
  ['ceph', 'dash-beside-period', ['my.logs'], ['my.-logs']],
  ['ceph', 'characters', [], ['My', 'a_b']],
  ['ceph', 'ip-address', [], ['1.2.3.4', '1234.5.6.7']],
  ['ceph', 'length', ['My_Logs', '_logs', '.logs', '-logs', a(255)], ['ab', a(256)], { relaxed: true }],
  ['minio', 'dash-beside-period', ['my.logs'], ['a.-b', 'a-.b']],
  ['minio', 'characters', [], ['My', 'a_b']],
  ['minio', 'reserved-name', ['minio-data'], ['.minio.sys', 'minio']],
  ['minio', 'begin-and-end', [], ['.minio.sys']],
  ['minio', 'ip-address', [], ['192.168.5.4']],

  ['filesystem', 'characters', ['my.logs-1'], ['a/b', 'a\\b', 'a:b', 'My', 'a\u0000b']],
  ['filesystem', 'begin-and-end', [], ['..', '.', 'logs.']],
  ['filesystem', 'adjacent-periods', [], ['a..b']],
  ['filesystem', 'device-name', ['console', 'com10'], ['con', 'nul.txt', 'lpt1']],
  ['generic', 'dash-beside-period', ['my.logs'], ['a.-b']],
  ['generic', 'account-regional-suffix', [], ['logs-an']],
  ['generic', 'reserved-suffix-table-s3', [], ['x--table-s3']],
];

describe('bucket names of every vendor (A2.7, A2.8, A2.9)', () => {
  for (const [vendor, rule, passes, fails, options] of TABLE) {
    for (const name of passes) {
      it(`${vendor} takes ${JSON.stringify(name)} (${rule})`, () => {
        expect(validateBucketName(name, vendor, options)).toMatchObject({ vendor, valid: true, violations: [] });
      });
    }
    for (const name of fails) {
      it(`${vendor} refuses ${JSON.stringify(name)} (${rule})`, () => {
        const verdict = validateBucketName(name, vendor, options);
        expect(verdict.valid).toBe(false);
        expect(verdict.violations.map((violation) => violation.rule)).toContain(rule);
      });
    }
  }

  it('leaves close misspellings of google to the vendor, as a warning', () => {
    for (const name of ['gogle1', 'my-goggle', 'go0gle-x', 'my-gooogle', 'my-googel', 'gogole-x', 'x-9oog1e']) {
      const verdict = validateBucketName(name, 'gcs');
      expect({ name, valid: verdict.valid, warnings: verdict.warnings.map(({ rule }) => rule) }).toEqual({
        name,
        valid: true,
        warnings: ['google-misspelling'],
      });
    }
    expect(validateBucketName('my-goog', 'gcs').warnings).toEqual([]);
    expect(validateBucketName('giggle-photos', 'gcs').warnings).toEqual([]);
    expect(validateBucketName('bucket-d1900131', 'gcs').warnings).toEqual([]);
  });

  it('warns that a dotted name must be a verified domain at GCS, and shuts out acceleration at AWS', () => {
    expect(validateBucketName('www.example.com', 'gcs').warnings.map(({ rule }) => rule)).toEqual(['domain-ownership']);
    expect(validateBucketName('my.logs', 'aws')).toMatchObject({
      valid: true,
      warnings: [{ rule: 'transfer-acceleration-periods' }],
    });
  });

  it('says of a special Azure container only what is special about it', () => {
    const verdict = validateBucketName('$root', 'azure');
    expect(verdict.violations).toHaveLength(1);
    expect(verdict.violations[0]?.message).toContain('can only be adopted');
  });

  it('tells what was wrong, what was expected and who says so', () => {
    expect(validateBucketName('MyLogs', 'aws').violations).toEqual([
      {
        rule: 'characters',
        message: 'The name "MyLogs" holds "M", "L"; expected: only lowercase letters, digits, "." and "-".',
        source: 'https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html',
      },
    ]);
  });

  it('never lets a long or strange name flood or break a message', () => {
    const verdict = validateBucketName(`\u0000\n${'É'.repeat(10_000)}`, 'aws');
    for (const { message } of verdict.violations) expect(message.length).toBeLessThan(400);
  });

  it('lists each vendor’s rules as data with unique ids, a statement and a source', () => {
    for (const vendor of VENDORS) {
      const rules = vendorRules(vendor);
      expect(new Set(rules.map(({ rule }) => rule)).size).toBe(rules.length);
      for (const { rule, statement, source } of rules) {
        expect(rule).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
        expect(statement).not.toBe('');
        expect(source).toMatch(/^https:\/\//);
      }
    }
  });

  it('knows the portable intersection', () => {
    for (const name of ['my-logs', 'logs12', a(63)]) expect(legalEverywhere(name)).toBe(true);
    const refused = [
      'logs1',
      'a.bcdef',
      'a--bcde',
      'xn--logs',
      'sthree-logs',
      'amzn-s3-demo-x',
      'goog-logs',
      'b2-logs',
    ];
    for (const name of [...refused, 'cosv1-x', 'account-x', 'my-google', 'my-g00gle', 'my-logs-an', 'x-s3alias', '']) {
      expect({ name, legal: legalEverywhere(name) }).toEqual({ name, legal: false });
    }
  });
});
