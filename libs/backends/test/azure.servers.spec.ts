import { afterAll, beforeAll } from '@jest/globals';
import { AzuriteFixture } from './azure-server.js';
import { describeConformance } from './conformance/index.js';

const azurite = new AzuriteFixture();
beforeAll(() => azurite.start());
afterAll(() => azurite.stop());

describeConformance('the azure backend on Azurite', {
  async open() {
    const backend = await azurite.open();
    return { backend, close: () => backend.close() };
  },
  gaps: [],
});
