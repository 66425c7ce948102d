import type { KeyAddress, WriteId } from '#libs/metadata';
import type { Clock } from '../engine.js';

interface Sighting {
  readonly heartbeat: number;
  readonly since: number;
  seen: boolean;
}

/** Remembers each intent's heartbeat and since when, on this process's monotonic clock, it has stood still. Clocks of other machines play no part. */
export class DeathWatch {
  readonly #sightings = new Map<string, Sighting>();

  constructor(
    private readonly clock: Clock,
    private readonly deadAfterMs: number,
  ) {}

  isDead(address: KeyAddress, writeId: WriteId, heartbeat: number): boolean {
    const id = `${address.bucket}/${writeId}`;
    const sighting = this.#sightings.get(id);
    if (sighting?.heartbeat !== heartbeat) {
      this.#sightings.set(id, { heartbeat, since: this.clock.monotonic(), seen: true });
      return this.deadAfterMs <= 0;
    }
    sighting.seen = true;
    return this.clock.monotonic() - sighting.since >= this.deadAfterMs;
  }

  /** To be called after each full pass: what was not met in it has ended. */
  forgetUnseen(): void {
    for (const [id, sighting] of this.#sightings) {
      if (!sighting.seen) this.#sightings.delete(id);
      sighting.seen = false;
    }
  }
}
