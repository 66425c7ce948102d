import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Each row is a bucket's or a user's, and goes with it. */
const TABLE = `CREATE TABLE limits (
  id uuid PRIMARY KEY,
  bucket_id uuid REFERENCES bucket (id) ON DELETE CASCADE,
  user_id uuid REFERENCES "user" (id) ON DELETE CASCADE,
  requests_per_second double precision,
  bytes_per_second double precision,
  objects bigint,
  bytes bigint,
  updated_at timestamptz(3) NOT NULL,
  CHECK (num_nonnulls(bucket_id, user_id) = 1 AND id = coalesce(bucket_id, user_id))
)`;

const TRIGGER = `CREATE TRIGGER raise_config_revision AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON limits
  FOR EACH STATEMENT EXECUTE FUNCTION raise_config_revision()`;

/** Rates and quotas of buckets and users: part of the configuration that every process holds. */
export class Limits0008 implements MigrationInterface {
  readonly name = 'Limits0008_1763700000008';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [TABLE, TRIGGER]) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE limits');
  }
}
