import { randomBytes } from 'node:crypto';
import { it } from '@jest/globals';
import { MongoClient } from 'mongodb';
import { createMongodbIndex, type ObjectIndex } from '#libs/metadata';
import { findServer, startFerretDb } from '../../../test/servers/index.js';

/** A MongoDB of yours to run the suite on, instead of FerretDB. It may hold other things: each index has a database of its own, dropped at the end. */
const OUTSIDE = process.env['SPUMONI_TEST_MONGODB_URL'];

/** What speaks MongoDB's protocol here, for titles; undefined where nothing does: the suite is then counted as one skipped test. */
export function mongodbName(): string | undefined {
  if (OUTSIDE !== undefined) return 'MongoDB';
  if (findServer('ferretdb')) return 'FerretDB';
  it.skip('needs ferretdb [skipped: ferretdb is not installed]', () => undefined);
  return undefined;
}

/** A running server that gives empty indexes. */
export class MongodbServer {
  readonly #databases: string[] = [];

  private constructor(
    readonly url: string,
    private readonly end: () => Promise<void>,
  ) {}

  static async start(): Promise<MongodbServer> {
    if (OUTSIDE !== undefined) return new MongodbServer(OUTSIDE, () => Promise.resolve());
    const server = await startFerretDb();
    return new MongodbServer(server.endpoint, () => server.stop());
  }

  /** The URL of a new database. */
  newDatabase(): string {
    const name = `spumoni_test_${randomBytes(8).toString('hex')}`;
    this.#databases.push(name);
    const [, servers = '', options = ''] = /^([a-z+]+:\/\/[^/?]+)\/?[^?]*(\?.*)?$/i.exec(this.url) ?? [];
    return `${servers}/${name}${options}`;
  }

  openEmpty(): Promise<ObjectIndex> {
    return createMongodbIndex({ url: this.newDatabase(), deployment: 'test' });
  }

  /** Drops what was made, and stops the server if it was started here. */
  async stop(): Promise<void> {
    const client = new MongoClient(this.url);
    try {
      for (const name of this.#databases) await client.db(name).dropDatabase();
    } finally {
      await client.close();
      await this.end();
    }
  }
}
