import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = ['job', 'event'] as const;

/** Which trace a job or an event came of, as a W3C `traceparent`; null where traces are off. */
export class Traces0013 implements MigrationInterface {
  readonly name = 'Traces0013_1763700000013';

  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) await runner.query(`ALTER TABLE ${table} ADD COLUMN trace text`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) await runner.query(`ALTER TABLE ${table} DROP COLUMN trace`);
  }
}
