import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OutageStand } from './outage-stand.js';

describe('Postgres, with the control plane and the queue, stands still in the middle', () => {
  let stand: OutageStand;
  beforeAll(async () => {
    stand = await OutageStand.start();
  }, 120_000);
  afterAll(() => stand.dispose(), 120_000);

  it.each(['migration', 'reconcile'] as const)(
    'of a job of type %s: whoever asks is told in time, and once it goes on the job does, and ends with every object changed once and counted once',
    async (type) => {
      const job = await stand.jobs[type]();
      const held = stand.hold(job.heldAt);
      const { id } = await job.begin();
      await held.middle;
      stand.postgres.freeze();
      held.release();
      const told = expect(stand.stateOf(id)).rejects.toMatchObject({ name: 'ControlPlaneError', kind: 'unavailable' });
      await Promise.all([told, stand.writeUntilRefused(job.client)]);
      stand.postgres.thaw();
      await stand.untilDone(id);
      await stand.assertRight(job, id);
    },
    240_000,
  );
});
