import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Where the object index lies; null until the first start after this migration has seen it. */
export class IndexKind0009 implements MigrationInterface {
  readonly name = 'IndexKind0009_1763700000009';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE deployment ADD COLUMN index_kind text CHECK (index_kind IN ('lmdb', 'mongodb'))`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE deployment DROP COLUMN index_kind');
  }
}
