import { z } from 'zod';
import type { BucketId, JobRecord } from '#libs/metadata';

const bucketId = z.uuid().transform((id) => id as BucketId);

const migration = z.object({
  bucket: bucketId,
  source: z.object({ backend: z.string() }),
  destination: z.object({ backend: z.string(), container: z.string().optional() }),
  /** Seconds. */
  sourceRetention: z.number().default(0),
});

/** What a migration's row says: ids, not names. */
export type MigrationPayload = z.output<typeof migration>;

/** The payload of a migration's row. Throws if another version wrote it in another form. */
export function readMigrationPayload({ payload }: Pick<JobRecord, 'payload'>): MigrationPayload {
  return migration.parse(payload);
}

const keyRotation = z.object({ to: z.string() });

/** The payload of a rotation of master keys. */
export function readRotationPayload({ payload }: Pick<JobRecord, 'payload'>): z.output<typeof keyRotation> {
  return keyRotation.parse(payload);
}

const ofBucket = z.object({ bucket: bucketId });

/** The payload of the rows of jobs that go through all of a bucket: adoption, reconciliation, retier, encryption. */
export function readBucketPayload({ payload }: Pick<JobRecord, 'payload'>): z.output<typeof ofBucket> {
  return ofBucket.parse(payload);
}

const lifecycleRun = z.object({ bucket: bucketId });

/** The payload of a lifecycle run's row. */
export function readLifecyclePayload({ payload }: Pick<JobRecord, 'payload'>): z.output<typeof lifecycleRun> {
  return lifecycleRun.parse(payload);
}
