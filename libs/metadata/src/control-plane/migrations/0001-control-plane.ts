import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who and where: what every process reads as its configuration. */
const CONFIGURATION_TABLES = [
  `CREATE TABLE deployment (
     id uuid PRIMARY KEY,
     format_version integer NOT NULL,
     created_at timestamptz(3) NOT NULL,
     tiers_seeded_at timestamptz(3),
     singleton boolean NOT NULL DEFAULT true UNIQUE CHECK (singleton)
   )`,
  `INSERT INTO deployment (id, format_version, created_at) VALUES (gen_random_uuid(), 1, now())`,
  `CREATE TABLE config_revision (singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton), revision bigint NOT NULL)`,
  `INSERT INTO config_revision (revision) VALUES (1)`,
  `CREATE TABLE backend (
     id uuid PRIMARY KEY,
     name text COLLATE "C" NOT NULL CONSTRAINT backend_name_unique UNIQUE,
     type text NOT NULL,
     profile text,
     endpoint text,
     region text,
     options jsonb NOT NULL,
     credentials text NOT NULL,
     capabilities jsonb NOT NULL,
     state text NOT NULL CHECK (state IN ('ok', 'unreachable', 'denied')),
     last_checked_at timestamptz(3),
     last_check_error text,
     created_at timestamptz(3) NOT NULL,
     revision integer NOT NULL
   )`,
  `CREATE TABLE tier_policy (
     name text COLLATE "C" PRIMARY KEY,
     description text NOT NULL,
     classes jsonb NOT NULL,
     attributes jsonb NOT NULL,
     backends text[] NOT NULL,
     updated_at timestamptz(3) NOT NULL,
     revision integer NOT NULL
   )`,
  `CREATE UNIQUE INDEX tier_policy_name_any_case ON tier_policy (lower(name))`,
  `CREATE TABLE "user" (
     id uuid PRIMARY KEY,
     name text COLLATE "C" NOT NULL CONSTRAINT user_name_unique UNIQUE,
     role text NOT NULL CHECK (role IN ('admin', 'user')),
     disabled boolean NOT NULL,
     created_at timestamptz(3) NOT NULL
   )`,
  `CREATE TABLE access_key (
     access_key_id text COLLATE "C" PRIMARY KEY,
     user_id uuid NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
     secret text NOT NULL,
     disabled boolean NOT NULL,
     created_at timestamptz(3) NOT NULL,
     last_rotated_at timestamptz(3),
     revision integer NOT NULL
   )`,
  `CREATE INDEX access_key_user ON access_key (user_id)`,
];

/** What is kept and done. References restrict: a home, an owner or a policy cannot go while a bucket names it. */
const WORK_TABLES = [
  `CREATE TABLE bucket (
     id uuid PRIMARY KEY,
     name text COLLATE "C" NOT NULL CONSTRAINT bucket_name_unique UNIQUE,
     state text NOT NULL CHECK (state IN ('creating', 'active', 'deleting')),
     owner_id uuid NOT NULL REFERENCES "user" (id) ON DELETE RESTRICT,
     type text NOT NULL,
     backend_id uuid NOT NULL REFERENCES backend (id) ON DELETE RESTRICT,
     policy text COLLATE "C" REFERENCES tier_policy (name) ON DELETE RESTRICT,
     created_at timestamptz(3) NOT NULL
   )`,
  `CREATE INDEX bucket_owner ON bucket (owner_id, name)`,
  `CREATE INDEX bucket_backend ON bucket (backend_id, name)`,
  `CREATE INDEX bucket_policy ON bucket (policy, name)`,
  `CREATE TABLE lifecycle (
     bucket_id uuid PRIMARY KEY REFERENCES bucket (id) ON DELETE CASCADE,
     rules jsonb NOT NULL,
     updated_at timestamptz(3) NOT NULL,
     last_run_at timestamptz(3)
   )`,
  `CREATE TABLE job (
     id uuid PRIMARY KEY,
     sequence bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
     type text NOT NULL,
     state text NOT NULL CHECK (state IN ('planned', 'running', 'paused', 'completed', 'failed', 'cancelled')),
     wish text NOT NULL CHECK (wish IN ('run', 'pause', 'cancel')),
     bucket_id uuid,
     payload jsonb NOT NULL,
     checkpoint jsonb,
     progress jsonb NOT NULL,
     failures jsonb NOT NULL,
     error text,
     worker_id text,
     fence integer NOT NULL,
     heartbeat_at timestamptz(3),
     created_at timestamptz(3) NOT NULL,
     updated_at timestamptz(3) NOT NULL,
     created_by text
   )`,
  `CREATE INDEX job_unfinished ON job (sequence) WHERE state IN ('planned', 'running')`,
  `CREATE INDEX job_bucket ON job (bucket_id, sequence)`,
];

/**
 * The revision is raised in the transaction of the change. Its one row is locked until the commit, so revisions become visible in their order:
 * whoever reads revision n sees every change up to n.
 */
const REVISION_TRIGGERS = [
  `CREATE FUNCTION raise_config_revision() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     UPDATE config_revision SET revision = revision + 1;
     PERFORM pg_notify('spumoni_configuration', '');
     RETURN NULL;
   END $$`,
  ...['backend', 'tier_policy', '"user"', 'access_key'].map(
    (table) =>
      `CREATE TRIGGER raise_config_revision AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON ${table}
       FOR EACH STATEMENT EXECUTE FUNCTION raise_config_revision()`,
  ),
];

/** The first form of the control plane. */
export class ControlPlane0001 implements MigrationInterface {
  readonly name = 'ControlPlane0001_1763700000001';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...CONFIGURATION_TABLES, ...WORK_TABLES, ...REVISION_TRIGGERS]) {
      await runner.query(statement);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['job', 'lifecycle', 'bucket', 'access_key', '"user"', 'tier_policy', 'backend']) {
      await runner.query(`DROP TABLE ${table}`);
    }
    await runner.query('DROP FUNCTION raise_config_revision');
    await runner.query('DROP TABLE config_revision');
    await runner.query('DROP TABLE deployment');
  }
}
