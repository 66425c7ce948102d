/**
 * Writes docs/vendors.md from the tables that the code itself acts on: naming rules, limits, storage classes, capabilities, and the
 * named gaps of the servers that the suites run on. Needs Node 24 and the packages, but no build. Sends nothing to anybody.
 *
 *   node scripts/vendor-reference.mjs           writes the page
 *   node scripts/vendor-reference.mjs --check   exits with 1 if the page and the code differ
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import './typescript-source.mjs';
import { root } from './node-24.mjs';
import { keepPage, table } from './reference-page.mjs';

const load = (path) => import(pathToFileURL(join(root, path)).href);
const { VENDORS, BACKEND_TYPES, limitsOf, validateBucketName } = await load('libs/naming/src/index.ts');
const { DEFAULT_TIER_POLICIES, classFor, storageClassesOf } = await load('libs/tiering/src/index.ts');
const { openBackend } = await load('libs/backends/src/index.ts');
const { gaps } = await load('test/servers/gaps.ts');
const { SERVERS } = await load('test/servers/versions.mjs');

const isType = (vendor) => BACKEND_TYPES.includes(vendor);
/** The server that the suites run an adapter on; a vendor that is not here was never met by a test. */
const TESTED_ON = {
  aws: 'moto',
  azure: 'Azurite',
  gcs: 'fake-gcs-server',
  filesystem: 'a local disk',
  minio: 'MinIO',
  'cloudflare-r2': 'its profile on MinIO',
};
/** Nothing is sent to it: the adapter is only asked for what it knows of its vendor. */
const nobody = { endpoint: 'https://storage.example.com', region: 'region-1' };
const hidden = { reveal: () => 'c2VjcmV0' };
const CREDENTIALS = {
  azure: { accountName: 'account', accountKey: hidden },
  gcs: {},
  filesystem: {},
  aws: { accessKey: 'key', secretKey: hidden },
};
const OPTIONS = { gcs: { projectId: 'project' }, filesystem: { path: '/nonexistent' } };

async function capabilitiesOf(vendor) {
  const type = isType(vendor) ? vendor : 's3';
  const backend = await openBackend({
    name: 'reference',
    type,
    ...(type === 's3' ? { profile: vendor } : {}),
    ...(type === 'filesystem' ? {} : nobody),
    credentials: CREDENTIALS[type] ?? CREDENTIALS.aws,
    options: OPTIONS[type] ?? {},
  });
  const { capabilities } = backend;
  await backend.close();
  return capabilities;
}

const BINARY = [
  ['TiB', 1024 ** 4],
  ['GiB', 1024 ** 3],
  ['MiB', 1024 ** 2],
  ['KiB', 1024],
];

/** In the vendor's own kind of unit: decimal where the figure is, else binary with at most two digits after the point, never rounded up. */
function size(bytes) {
  if (bytes % 1e12 === 0) return `${bytes / 1e12} TB`;
  if (bytes % 1e9 === 0) return `${bytes / 1e9} GB`;
  const [name, unit] = BINARY.find(([, one]) => bytes >= one) ?? ['bytes', 1];
  if (name === 'KiB' && bytes % unit !== 0) return `${bytes} bytes`;
  return `${Math.floor((bytes / unit) * 100) / 100} ${name}`;
}

const yes = (value) => (value ? 'yes' : 'no');
const asked = (vendor) => (isType(vendor) ? `type \`${vendor}\`` : `type \`s3\`, profile \`${vendor}\``);

const known = new Map();
for (const vendor of VENDORS) known.set(vendor, await capabilitiesOf(vendor));

const works = table(
  ['vendor', 'register as', 'token', 'tested on', 'put if absent', 'own tags', 'copy at the vendor', 'classes'],
  VENDORS.map((vendor) => {
    const can = known.get(vendor);
    return [
      vendor,
      asked(vendor),
      can.tokens === 'none' ? 'none: **weak**' : can.tokens,
      TESTED_ON[vendor] ?? 'by documents only',
      yes(can.writeIfAbsent),
      can.tags === 'native' ? 'yes' : 'in metadata',
      yes(can.serverSideCopy),
      can.storageClasses.length,
    ];
  }),
);

const limits = table(
  ['vendor', 'largest object', 'one put', 'parts', 'part', 'metadata', 'batch delete'],
  VENDORS.map((vendor) => {
    const { maxObjectBytes, maxSinglePutBytes, maxParts, minPartBytes, maxPartBytes, ...rest } = limitsOf(vendor);
    const smallest = minPartBytes === 1 ? '1 byte' : size(minPartBytes);
    return [
      vendor,
      size(maxObjectBytes),
      size(maxSinglePutBytes),
      `${maxParts}${rest.equalParts ? ', all equal' : ''}`,
      `${smallest} to ${size(maxPartBytes)}`,
      size(rest.metadataBytes),
      rest.deleteBatch,
    ];
  }),
);

const classes = table(
  ['vendor', 'class', 'billed for at least', 'billed as at least', 'read', 'may go on to', 'note'],
  VENDORS.flatMap((vendor) =>
    storageClassesOf(vendor).map((one) => [
      vendor,
      `\`${one.name}\`${one.default ? ' (default)' : ''}`,
      one.minimumDays === 0 ? '' : `${one.minimumDays} days`,
      one.minimumBytes === 0 ? '' : size(one.minimumBytes),
      one.retrieval === 'restore' ? '**after a restore**' : 'at once',
      one.transitionsTo.join(', '),
      one.note,
    ]),
  ),
);

const tiers = table(
  ['vendor', ...DEFAULT_TIER_POLICIES.map(({ name }) => name)],
  VENDORS.map((vendor) => [vendor, ...DEFAULT_TIER_POLICIES.map((policy) => `\`${classFor(policy, vendor)}\``)]),
);

/** Names that show where vendors part. */
const NAMES = ['my-bucket', 'my.bucket', 'my_bucket', 'MyBucket', 'a-b', 'my--bucket', 'google-photos', '192.168.1.1'];
const names = table(
  ['vendor', ...NAMES.map((name) => `\`${name}\``)],
  VENDORS.map((vendor) => [vendor, ...NAMES.map((name) => (validateBucketName(name, vendor).valid ? 'yes' : '–'))]),
);

const seen = Object.entries(SERVERS).map(([server, { version }]) => {
  const rows = gaps
    .filter((gap) => gap.server === server)
    .map(({ id, gap, evidence, keptByProxy }) => [
      id.slice(server.length + 1),
      gap,
      evidence,
      keptByProxy ? 'made up for by the proxy of the tests' : 'tests that meet it are skipped, counted',
    ]);
  return `### ${server} ${version}\n\n${table(['gap', 'what is missing', 'seen', 'what follows'], rows)}`;
});

await keepPage(
  'docs/vendors.md',
  `# Vendors

<!-- Written by scripts/vendor-reference.mjs from libs/naming, libs/tiering, libs/backends and test/servers. Edit those, not this page. -->

What Spumoni knows of each vendor. The same tables decide what the running product accepts. They are the vendor's documents as
of when they were read; what an endpoint really does is tried when it is registered, and shown as its \`capabilities\`.

## What works with which vendor

${works}

- **token**: what names one write there. \`version\`: an S3 VersionId. \`generation\`: Google's. \`etag\`: Azure's. \`id\`: a name that Spumoni
  gives. A vendor without one is **weak**: it works, but each write takes a lease on its key, and a writer beside Spumoni can be
  overwritten. A \`version\` vendor whose container has versioning off is weak too.
- **tested on**: the whole conformance suite passes there. "by documents only": the S3 adapter with that service's quirks, never tried on the service.
  Registration tries the service and refuses with a reason.
- **put if absent**: the vendor itself refuses to overwrite. Where it does not, Spumoni still keeps \`If-None-Match: *\` among its own writers.
- **own tags**: where "in metadata", tags share the room of the metadata.

## Limits

${limits}

Sizes in "TB" and "GB" are decimal because the vendor states them so. Metadata counts names and values as they are sent, after escaping, with
Spumoni's own names. Keys have at most 1,024 bytes everywhere (1,024 characters at Azure, 1,023 bytes at Alibaba OSS).

## Tier policies of the first start

${tiers}

All three can be read without a restore. Administrators edit them and make more: [guides/tiers.md](guides/tiers.md).

## Storage classes

${classes}

## Bucket names

Whether each vendor takes the name:

${names}

Ask \`POST /admin/v1/names/validate\` for the rule and its source: [guides/names.md](guides/names.md).

## What the test servers cannot show

The suites run on these servers, at these versions. A gap is the server's, not the vendor's and not Spumoni's.

${seen.join('\n\n')}
`,
);
