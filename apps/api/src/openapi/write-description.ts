import 'reflect-metadata';
import { stringify } from 'yaml';
import { createApp } from '../create-app.js';
import { createLogger } from '../operations/log.js';
import { Metrics } from '../operations/metrics.js';
import { describeApi } from './documentation.js';

/** The description of the API as YAML. Builds the application around no deployment: nothing is opened, nothing listens. */
export async function apiDescription(): Promise<string> {
  const app = await createApp({ logger: createLogger('silent'), metrics: new Metrics() });
  try {
    return stringify(describeApi(app), { aliasDuplicateObjects: false, lineWidth: 0 });
  } finally {
    await app.close();
  }
}
