import { storageClassesOf } from '#libs/tiering';
import type { BackendCapabilities } from '../capabilities.js';
import type { AwsConfig } from './config.js';

/** What the vendor can do by its documents: the upper bound that a probe narrows. */
export function capabilitiesOf({ vendor, quirks }: AwsConfig): BackendCapabilities {
  return {
    tokens: quirks.versioning ? 'version' : 'none',
    writeIfAbsent: quirks.ifNoneMatch,
    // S3's If-Match takes an ETag: it cannot ask for a VersionId.
    writeIfToken: !quirks.versioning && quirks.ifMatch,
    deleteByToken: quirks.versioning,
    multipart: true,
    serverSideCopy: true,
    tags: quirks.tagging ? 'native' : 'metadata',
    storageClasses: classesOf(vendor),
  };
}

/** The classes that a write to an ordinary container may name, the default first. */
function classesOf(vendor: AwsConfig['vendor']): string[] {
  const classes = storageClassesOf(vendor).filter(({ name }) => !UNWRITABLE.has(name));
  const first = classes.find((one) => one.default)?.name ?? 'STANDARD';
  return [first, ...classes.map(({ name }) => name).filter((name) => name !== first)];
}

/** Classes of other kinds of bucket (directory buckets, Outposts, file systems), which an ordinary one refuses. */
const UNWRITABLE: ReadonlySet<string> = new Set(['EXPRESS_ONEZONE', 'OUTPOSTS', 'SNOW', 'FSX_OPENZFS', 'FSX_ONTAP']);
