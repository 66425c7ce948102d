import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { JOB_TYPES, OutageStand } from './outage-stand.js';

describe('Postgres, with the control plane and the queue, goes away in the middle', () => {
  let stand: OutageStand;
  beforeAll(async () => {
    stand = await OutageStand.start();
  }, 120_000);
  afterAll(() => stand.dispose(), 120_000);

  it.each(JOB_TYPES)(
    'of a job of type %s: it goes on by itself at its checkpoint, and ends with every object changed once and counted once',
    async (type) => {
      const job = await stand.jobs[type]();
      const held = stand.hold(job.heldAt);
      const { id } = await job.begin();
      await held.middle;
      await stand.postgres.leave();
      await expect(stand.stateOf(id)).rejects.toMatchObject({ name: 'ControlPlaneError', kind: 'unavailable' });
      held.release();
      await stand.writeUntilRefused(job.client);
      await stand.postgres.start();
      await stand.untilDone(id);
      await stand.assertRight(job, id);
    },
    240_000,
  );
});
