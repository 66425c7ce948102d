import type { DataSource } from 'typeorm';
import { attempt } from './failures.js';

/** Told apart from other advisory locks of this database by the first of two numbers. */
const LOCK_SPACE = 7_368;

/**
 * Does the work only if no other process does work of that name now; undefined if one does. The right is a session's: it ends with the process, however that ends.
 * It spares waste and keeps nothing safe: a process that lost its session goes on until its work is done.
 */
export async function exclusively<T>(
  dataSource: DataSource,
  name: string,
  work: () => Promise<T>,
): Promise<T | undefined> {
  const runner = dataSource.createQueryRunner();
  try {
    const sql = 'SELECT pg_try_advisory_lock($1, hashtext($2)) AS held';
    const [row] = await attempt('control plane', () =>
      dataSource.query<{ held: boolean }[]>(sql, [LOCK_SPACE, name], runner),
    );
    if (row?.held !== true) return undefined;
    try {
      return await work();
    } finally {
      await attempt('control plane', () =>
        runner.query('SELECT pg_advisory_unlock($1, hashtext($2))', [LOCK_SPACE, name]),
      );
    }
  } finally {
    await runner.release();
  }
}
