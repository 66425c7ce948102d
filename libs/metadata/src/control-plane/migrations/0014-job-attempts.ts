import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How many attempts of a job have failed in a row. What runs begins at none: of the past only the claims are known, restarts and takeovers among them. */
export class JobAttempts0014 implements MigrationInterface {
  readonly name = 'JobAttempts0014_1763700000014';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE job ADD COLUMN failed_attempts integer NOT NULL DEFAULT 0');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE job DROP COLUMN failed_attempts');
  }
}
