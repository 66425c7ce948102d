import type { ServerName } from './versions.mjs';

/**
 * What an emulator cannot show, seen on the pinned version. A suite that meets one skips by its id, counted, and never
 * takes it for something that the vendor lacks.
 */
export interface Gap {
  /** `SERVER/what`, unique. */
  readonly id: string;
  readonly server: ServerName;
  /** What is missing or wrong, in a line fit for a skip's title. */
  readonly gap: string;
  /** What was asked and what came back. */
  readonly evidence: string;
  /** Set when the proxy before fake-gcs-server, or FerretDB's own program here, makes up for it: then nothing need be skipped. */
  readonly keptByProxy?: true;
}

type Row = [what: string, gap: string, evidence: string];
const rows = (server: ServerName, list: Row[], more: { keptByProxy?: true } = {}): Gap[] =>
  list.map(([what, gap, evidence]) => ({ id: `${server}/${what}`, server, gap, evidence, ...more }));

/** Every known gap of every server. */
export const gaps: readonly Gap[] = [
  ...rows('minio', [
    ['storage-classes', 'knows STANDARD and REDUCED_REDUNDANCY only', 'PUT with GLACIER: 400 InvalidStorageClass'],
    ['restore', 'no restore of archived objects', 'RestoreObject: 403 InvalidObjectState'],
    ['location', 'forgets the LocationConstraint', 'made with eu-west-1: 200, GetBucketLocation: none'],
    [
      'delete-if-match',
      'DELETE ignores If-Match',
      'DELETE with a wrong ETag: 204 and the object is gone; delete by VersionId',
    ],
  ]),
  ...rows('minio', [
    ['copy-if-none-match', 'CopyObject ignores If-None-Match', 'copy onto an object with If-None-Match: *: 200'],
    [
      'below-an-object',
      'lists no key that lies below another object',
      'with a there, PUT a/b: 200, and no listing shows it',
    ],
    ['long-segments', 'no key segment above 255 bytes', 'PUT: 400 XMinioInvalidObjectName'],
  ]),
  ...rows('moto', [
    ['copy-if-none-match', 'CopyObject ignores If-None-Match', 'copy onto an object with If-None-Match: *: 200'],
    ['underscore-headers', 'loses request headers with an underscore', 'x-amz-meta-a_b: absent afterwards'],
    ['content-md5', 'does not check Content-MD5', 'PUT with a wrong one: 200'],
    ['names', 'does not check bucket names', 'CreateBucket Bad_name: 200'],
    ['copy-source-if-match', 'ignores CopySourceIfMatch', 'copy with a wrong source ETag: 200'],
    ['signatures', 'does not check signatures', 'ListBuckets signed with a wrong secret: 200'],
    ['speed', 'is no measure of speed', 'one Python process'],
    ['persistence', 'keeps everything in memory', 'nothing is left after a restart'],
  ]),
  ...rows('azurite', [
    ['versions', 'no blob versions', 'no x-ms-version-id in the answer to a PUT'],
    ['put-from-url', 'no Put Blob From URL', '501; Put Block From URL works'],
    [
      'account-sas-copy',
      'no Put Block From URL under a SAS of the account',
      '500 without a body; its table has no row',
    ],
    [
      'source-token',
      'reads the source of a copy without its token',
      'x-ms-copy-source-authorization: 400 CannotVerify…',
    ],
    ['crc64', 'no CRC64 of ranges', 'x-ms-range-get-content-crc64: 500, not supported in strict mode'],
    ['rehydration-delay', 'rehydrates at once', 'a read directly after Set Blob Tier Hot: 200; Azure takes hours'],

    ['listing-order', 'lists in UTF-16 order', 'names with U+FF5E and U+1F600 come the wrong way round'],
    ['metadata-limit', 'takes more than 8 KB of metadata', 'PUT with 9 KB: 201; Azure answers 400 MetadataTooLarge'],
    ['immutability', 'no immutability policy, legal hold, undelete or query', 'each: 501'],
    ['path-endpoint', 'has the account in the path', 'http://127.0.0.1:PORT/ACCOUNT; Azure has it in the host name'],
  ]),
  ...rows('fake-gcs-server', [
    ['rewrite-class', 'a rewrite cannot change the class', 'rewriteTo with storageClass NEARLINE: 200, class STANDARD'],

    [
      'patch-class',
      'PATCH changes the class',
      'storageClass NEARLINE: 200, class NEARLINE; GCS documents rewrite as the way',
    ],
    ['patch-null', 'PATCH with null does not remove a metadata name', '{"metadata":{"a":null}}: a is "" afterwards'],
    ['metageneration', 'metageneration never moves', 'still 1 after a PATCH, and absent from its answer'],
    ['upload-metageneration', 'uploads ignore ifMetagenerationMatch', 'multipart with ifMetagenerationMatch=77: 200'],
    ['header-hash', 'ignores the x-goog-hash header of an upload', 'a wrong crc32c: 200; in the object resource: 400'],
    ['location', 'gives every bucket its one location and class', 'location EU, class NEARLINE: US-CENTRAL1, STANDARD'],
    ['bucket-not-empty', 'answers 412 for a bucket that is not empty', 'DELETE: 412 conditionNotMet; GCS answers 409'],
    [
      'rewrite-inherits',
      'a rewrite inherits from the source what its body leaves out',
      'rewriteTo with a body without cacheControl: the source has it, so has the target; GCS drops it',
    ],
    [
      'resumable-status',
      'a status query of a resumable upload commits it',
      'PUT with Content-Range: bytes */*: 200 and the object is there, cut short',
    ],
    ['xml', 'no XML uploads', 'PUT /BUCKET/OBJECT: 400'],
    ['xml-conditions', 'no x-goog-if-* conditions', 'the test proxy answers 501 instead of letting them pass unkept'],
    [
      'batch-conditions',
      'no conditions inside a batch',
      'the test proxy answers 501 instead of letting them pass unkept',
    ],
    ['credentials', 'checks no credentials', 'any token, or none: 200'],
    ['filesystem-patch', 'its filesystem backend makes a new generation at a PATCH', 'GET before and after a PATCH'],
    ['memory-persistence', 'its memory backend keeps nothing', 'nothing is left after a restart'],
  ]),
  ...rows(
    'fake-gcs-server',
    [
      [
        'delete-if-generation',
        'DELETE ignores ifGenerationMatch',
        'DELETE with an old one: 200 and the live object is gone',
      ],
      [
        'read-if-generation',
        'reads ignore ifGenerationMatch and its kin',
        'GET with an old one: 200, also with alt=media',
      ],
      [
        'patch-if-generation',
        'PATCH ignores generation, ifGenerationMatch and ifMetagenerationMatch',
        'each wrong: 200',
      ],
      [
        'rewrite-if-generation',
        'rewriteTo ignores ifGenerationMatch',
        'ifGenerationMatch=0 on an object that exists: 200',
      ],
      [
        'rewrite-if-source',
        'rewriteTo ignores ifSourceGenerationMatch',
        'an old one: 200; sourceGeneration is kept: 404',
      ],
      ['copy-if-generation', 'copyTo ignores ifGenerationMatch', 'ifGenerationMatch=0 on an object that exists: 200'],
      [
        'compose-if-generation',
        'compose ignores ifGenerationMatch',
        'ifGenerationMatch=0 on an object that exists: 200',
      ],
      ['compose-sources', 'compose ignores the generation and preconditions of its sources', 'old ones: 200'],
    ],
    { keptByProxy: true },
  ),
  ...rows('ferretdb', [
    ['transactions', 'no transactions, change streams, TTL or partial indexes, update pipelines', 'each: refused'],
    [
      'replica-set',
      'no replica set: no read or write concerns, no retryable writes',
      'hello: no setName; all accepted',
    ],
    ['speed', 'is no measure of speed', 'a find by a range of _id reads the whole collection'],
  ]),
  ...rows(
    'ferretdb',
    [['atomic-changes', 'changes of one document are not atomic', '20 compare-and-sets at once: up to 20 succeed']],
    { keptByProxy: true },
  ),
];

/** The gaps of one server that its tests meet: those the proxy makes up for are left out. */
export function gapsOf(server: ServerName): readonly Gap[] {
  return gaps.filter((gap) => gap.server === server && gap.keptByProxy !== true);
}

/** What a test that meets a gap ends its title with; fails on an id that names no gap, so that none is made up. */
export function skippedFor(id: string): string {
  const found = gaps.find((gap) => gap.id === id);
  if (!found) throw new Error(`${id} is not a gap in test/servers/gaps.ts`);
  return ` [skipped: ${found.server} ${found.gap}]`;
}
