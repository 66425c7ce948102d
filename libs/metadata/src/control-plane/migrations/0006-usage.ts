import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What lay where at the end of a day, or at its last count so far. A bucket that was counted has a row, were it empty. */
const STORAGE = `CREATE TABLE usage_storage (
  bucket_id uuid NOT NULL,
  day date NOT NULL,
  backend_id uuid NOT NULL,
  tier text COLLATE "C" NOT NULL,
  storage_class text COLLATE "C" NOT NULL,
  bucket text COLLATE "C" NOT NULL,
  owner_id uuid NOT NULL,
  objects bigint NOT NULL,
  bytes bigint NOT NULL,
  billed_bytes bigint NOT NULL,
  counted_at timestamptz(3) NOT NULL,
  PRIMARY KEY (bucket_id, day, backend_id, tier, storage_class)
)`;

/** What was asked in a day, of a bucket by clients, of a backend by Spumoni. */
const REQUESTS = `CREATE TABLE usage_requests (
  day date NOT NULL,
  scope text NOT NULL CHECK (scope IN ('bucket', 'backend')),
  subject_id uuid NOT NULL,
  subject text COLLATE "C" NOT NULL,
  owner_id uuid,
  tier text COLLATE "C",
  reads bigint NOT NULL,
  writes bigint NOT NULL,
  lists bigint NOT NULL,
  bytes_in bigint NOT NULL,
  bytes_out bigint NOT NULL,
  PRIMARY KEY (day, scope, subject_id)
)`;

const PRICES = `CREATE TABLE price_table (
  singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  content jsonb NOT NULL,
  updated_at timestamptz(3) NOT NULL
)`;

/** Usage by day, and the price table where an administrator has set one. */
export class Usage0006 implements MigrationInterface {
  readonly name = 'Usage0006_1763700000006';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [STORAGE, REQUESTS, PRICES, 'CREATE INDEX usage_storage_day ON usage_storage (day)'])
      await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['price_table', 'usage_requests', 'usage_storage']) await runner.query(`DROP TABLE ${table}`);
  }
}
