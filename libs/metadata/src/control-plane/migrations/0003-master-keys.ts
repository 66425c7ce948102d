import type { MigrationInterface, QueryRunner } from 'typeorm';

const STATEMENTS = [
  `CREATE TABLE master_key (
     id text COLLATE "C" PRIMARY KEY,
     state text NOT NULL CHECK (state IN ('current', 'retiring', 'retired')),
     created_at timestamptz(3) NOT NULL,
     retired_at timestamptz(3)
   )`,
  `CREATE UNIQUE INDEX master_key_current ON master_key (state) WHERE state = 'current'`,
  `CREATE TRIGGER raise_config_revision AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON master_key
   FOR EACH STATEMENT EXECUTE FUNCTION raise_config_revision()`,
];

/** The ids of the master keys that this deployment has sealed with; never the keys. */
export class MasterKeys0003 implements MigrationInterface {
  readonly name = 'MasterKeys0003_1763700000003';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE master_key');
  }
}
