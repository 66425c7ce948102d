import { expect } from '@jest/globals';
import { Housekeeping, runJob, type HousekeepingReport, type OpenDeployment } from '../src/index.js';

const DAY = 86_400_000;

/** One round of what a worker does again and again. */
export function keepHouse(deployment: OpenDeployment): Promise<HousekeepingReport> {
  return new Housekeeping({
    ...deployment,
    lifecycleEveryMs: deployment.settings.lifecycleEveryMs,
    repairAfterMs: DAY,
    auditKeptMs: 30 * DAY,
    eventsKeptMs: 7 * DAY,
  }).run();
}

/** As the worker of a deployment that was just restored: begins the reconciliations, and runs them. */
export async function recover(deployment: OpenDeployment): Promise<void> {
  await keepHouse(deployment);
  const { items } = await deployment.controlPlane.jobs.list({ limit: 100, type: 'reconcile', states: ['planned'] });
  expect(items.length).toBeGreaterThan(0);
  for (const { id } of items) expect(await runJob(deployment, id, 'worker')).toBe('completed');
}
