import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDataSource } from '../src/control-plane/data-source.js';
import { MIGRATIONS } from '../src/control-plane/migrations/index.js';
import { TestPostgres } from './control-plane-server.js';

const postgres = new TestPostgres();
beforeAll(() => postgres.start());
afterAll(() => postgres.dispose());

describe('migrating', () => {
  it('is done once by several that start at once, and all find the same deployment', async () => {
    const connection = await postgres.freshDatabase();
    const planes = await Promise.all([1, 2, 3].map(() => postgres.open({ connection })));
    expect(new Set(planes.map((plane) => plane.deploymentId)).size).toBe(1);
    const { rows } = await postgres.query('SELECT name FROM schema_migration', connection);
    expect(rows).toEqual(MIGRATIONS.map((Migration) => ({ name: new Migration().name })));
  });

  it('keeps the deployment through later starts', async () => {
    const connection = await postgres.freshDatabase();
    const first = await postgres.open({ connection });
    await first.close();
    await first.close();
    expect((await postgres.open({ connection })).deploymentId).toBe(first.deploymentId);
  });

  it('refuses data of a newer version, and says so', async () => {
    const connection = await postgres.freshDatabase();
    await (await postgres.open({ connection })).close();
    const newer = `INSERT INTO schema_migration (timestamp, name) VALUES (1999999999999, 'Future0099_1999999999999')`;
    await postgres.query(newer, connection);
    await expect(postgres.open({ connection })).rejects.toMatchObject({
      kind: 'incompatible',
      message: expect.stringMatching(/newer Spumoni.*Future0099/),
    });
  });

  it('makes each column as its entity says', async () => {
    const connection = await postgres.freshDatabase();
    await postgres.open({ connection });
    const source = createDataSource({ connection, poolSize: 2, onTrouble: () => undefined });
    await source.initialize();
    const columns = 'SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns';
    const { rows } = await postgres.query<Record<string, string>>(
      `${columns} WHERE table_schema = 'public'`,
      connection,
    );
    const actual = new Map(rows.map((row) => [`${row.table_name}.${row.column_name}`, row]));
    for (const { tableName, columns: expected } of source.entityMetadatas) {
      for (const { databaseName, type, isNullable, isArray } of expected) {
        const dataType = isArray ? 'ARRAY' : source.driver.normalizeType({ type });
        expect({ column: `${tableName}.${databaseName}`, ...actual.get(`${tableName}.${databaseName}`) }).toMatchObject(
          {
            column: `${tableName}.${databaseName}`,
            data_type: dataType,
            is_nullable: isNullable ? 'YES' : 'NO',
          },
        );
      }
    }
    await source.destroy();
  });
});
