import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What is wished for and what came of it are text, not jsonb: keys and metadata may hold U+0000, which jsonb cannot. */
const UPLOAD = `CREATE TABLE upload (
  id uuid PRIMARY KEY,
  bucket_id uuid NOT NULL REFERENCES bucket (id) ON DELETE CASCADE,
  user_id uuid NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
  wish text NOT NULL,
  size bigint NOT NULL,
  received bigint NOT NULL DEFAULT 0,
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'failed')),
  outcome text,
  attempt text,
  claim text,
  claimed_until timestamptz(3),
  created_at timestamptz(3) NOT NULL,
  expires_at timestamptz(3) NOT NULL,
  CHECK (received BETWEEN 0 AND size)
)`;

const SEGMENT = `CREATE TABLE upload_segment (
  upload_id uuid NOT NULL REFERENCES upload (id) ON DELETE CASCADE,
  start bigint NOT NULL,
  segment text NOT NULL,
  PRIMARY KEY (upload_id, start)
)`;

const INDEXES = [
  'CREATE INDEX upload_user ON upload (user_id)',
  'CREATE INDEX upload_bucket ON upload (bucket_id)',
  'CREATE INDEX upload_expires ON upload (expires_at)',
];

/** Resumable uploads that are under way, and where their bytes lie meanwhile. */
export class Uploads0010 implements MigrationInterface {
  readonly name = 'Uploads0010_1763700000010';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [UPLOAD, SEGMENT, ...INDEXES]) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['upload_segment', 'upload']) await runner.query(`DROP TABLE ${table}`);
  }
}
