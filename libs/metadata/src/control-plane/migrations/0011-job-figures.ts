import type { MigrationInterface, QueryRunner } from 'typeorm';

const INDEXES = {
  job_paused: `CREATE INDEX job_paused ON job (sequence) WHERE state = 'paused'`,
  job_ended: `CREATE INDEX job_ended ON job (updated_at) WHERE state IN ('completed', 'failed', 'cancelled')`,
};

/** Figures of jobs are read at every look of a monitor: never by walking through all that ever ran. */
export class JobFigures0011 implements MigrationInterface {
  readonly name = 'JobFigures0011_1763700000011';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of Object.values(INDEXES)) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const name of Object.keys(INDEXES)) await runner.query(`DROP INDEX ${name}`);
  }
}
