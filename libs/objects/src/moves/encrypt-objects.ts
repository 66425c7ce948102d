import type { ObjectRecord } from '#libs/metadata';
import { needsRestore } from '#libs/tiering';
import { requireBucket } from '../buckets/open-bucket.js';
import type { Engine, KnownBackend, OperationContext } from '../engine.js';
import { ObjectsError } from '../errors.js';
import { sealObject } from '../writing/seal-object.js';
import { changeEach, type BucketRun } from './change-each.js';
import type { JobEnd } from './job-reporter.js';

/** An encrypted bucket whose plain objects are to be sealed. */
export type EncryptObjects = BucketRun;

/** Whether an object lies plain, and can be read to be sealed. */
export function judgeSealing(
  record: ObjectRecord,
  backend: Pick<KnownBackend, 'vendor'> | undefined,
): 'due' | 'none' | { readonly left: 'archived' } {
  if (record.sealing || !backend) return 'none';
  return needsRestore(backend.vendor, record.placement.storageClass) ? { left: 'archived' } : 'due';
}

/**
 * Seals what lies plain in an encrypted bucket, by writing each such object anew where it is. Archived objects, which would need a restore first, are left alone and named in the report.
 * Fails with `invalid-request` if the bucket is not encrypted (any more): what was sealed by then stays so.
 */
export async function encryptObjects(engine: Engine, context: OperationContext, run: EncryptObjects): Promise<JobEnd> {
  const { value: bucket } = await requireBucket(engine, run.bucketId);
  if (!bucket.encrypted) throw new ObjectsError('invalid-request', `bucket ${bucket.name} is not encrypted`);
  const backends = new Map((await engine.catalog.list()).map((backend) => [backend.id, backend]));
  return changeEach<'archived'>(engine, context, {
    ...run,
    change: {
      failure:
        'some objects could not be encrypted; each is listed with its reason and stays readable as it is; start again to try them again',
      judge: (_, record) => judgeSealing(record, backends.get(record.placement.backend)),
      change: async ({ bucket: newest, key, guard }) => {
        await sealObject(engine, context, { bucket: newest, key, guard });
      },
    },
  });
}
