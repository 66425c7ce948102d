import type { Call, FreshIds, ObjectRef } from '../object-backend.js';
import type { MemoryContainer } from './containers.js';

/** What the fresh ids ask of their backend. */
export interface MemoryFreshIdsHost {
  open(call: Call, container: string): Promise<MemoryContainer>;
  /** The order of the newest write or upload. */
  newest(): number;
}

/** How writes are found that a dead process left. Nothing in memory outlives its process, so a test says when one has died. */
export class MemoryFreshIds implements FreshIds {
  /** Whatever has no higher order is of a dead process. */
  private ended = 0;
  private readonly settled = new Set<string>();
  /** By container: up to which order `unsettled` looked, and up to which that was dealt with. */
  private readonly looked = new Map<string, number>();
  private readonly dealtWith = new Map<string, number>();

  constructor(private readonly host: MemoryFreshIdsHost) {}

  settle(ref: ObjectRef): void {
    this.settled.add(ref.token);
  }

  async *unsettled(call: Call, name: string): ReturnType<FreshIds['unsettled']> {
    const container = await this.host.open(call, name);
    const { ended } = this;
    container.endUploadsUpTo(ended);
    const from = this.dealtWith.get(name) ?? 0;
    for (const { key, token, order, attributes } of container.allWrites()) {
      if (order <= from || order > ended || this.settled.has(token)) continue;
      const { writeId } = attributes;
      yield { ref: { container: name, key, token }, ...(writeId === undefined ? {} : { writeId }) };
    }
    this.looked.set(name, ended);
  }

  async *everyWrite(call: Call, name: string): ReturnType<FreshIds['everyWrite']> {
    for (const { key, token, attributes } of (await this.host.open(call, name)).allWrites()) {
      const { writeId } = attributes;
      yield { ref: { container: name, key, token }, ...(writeId === undefined ? {} : { writeId }) };
    }
  }

  isNewer(token: string, than: string): boolean {
    return orderOf(token) > orderOf(than);
  }

  async examined(call: Call, name: string): Promise<void> {
    await this.host.open(call, name);
    const looked = this.looked.get(name);
    if (looked !== undefined) this.dealtWith.set(name, looked);
  }

  /** Declares all writes and uploads so far to be a process's that is dead now. */
  endProcess(): void {
    this.ended = this.host.newest();
  }
}

/** A token is its kind and its order. */
function orderOf(token: string): number {
  return Number(token.slice(token.lastIndexOf('-') + 1));
}
