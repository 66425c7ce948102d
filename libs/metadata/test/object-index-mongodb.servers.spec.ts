import { afterAll, beforeAll, describe } from '@jest/globals';
import { describeObjectIndexContract } from './object-index/contract.js';
import { MongodbServer, mongodbName } from './mongodb-server.js';

const name = mongodbName();

describe('MongoDB', () => {
  if (name === undefined) return;
  let server: MongodbServer;
  beforeAll(async () => {
    server = await MongodbServer.start();
  }, 60_000);
  afterAll(() => server.stop(), 60_000);

  describeObjectIndexContract(name, () => server.openEmpty(), { runs: 60, size: 40 });
});
