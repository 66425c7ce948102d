import {
  isWanted,
  type BucketDocument,
  type BucketId,
  type ControlPlane,
  type EventFilter,
  type EventType,
  type JobRecord,
  type JobState,
  type KeyAddress,
  type NewEvent,
  type ObjectIndex,
  type ObjectRecord,
} from '#libs/metadata';
import type { Clock, CommitObserver } from '#libs/objects';
import type { Logger } from '../deployment.js';
import { bucketEvent, objectEvent, shownRecord } from './event-of-commit.js';

/** How often it is asked what anybody wants to hear of, and how often what was seen is written. */
export const WANTED_MS = 1_000;
const FLUSH_MS = 500;
/** Events that may wait for Postgres; some kilobytes each. */
const WAITING = 20_000;
const A_WRITE = 1_000;

export interface EventRecorderParts {
  readonly controlPlane: ControlPlane;
  readonly index: ObjectIndex;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The `traceparent` of what runs now. */
  readonly currentTrace?: (() => string | undefined) | undefined;
}

type Pending = Omit<NewEvent, 'bucket' | 'data'> & {
  readonly bucket: { readonly id: BucketId } | { readonly name: string } | undefined;
  readonly data: (backendName: (id: string) => string) => Record<string, unknown>;
};

/**
 * Sees what a process commits, and writes what somebody wants to hear of to the control plane, twice a second. A commit costs a comparison while nobody wants anything, else a place in a list.
 * Best effort up to there: a process that is killed loses half a second, and an outage of Postgres what exceeds 20,000 events. From there on, delivery is at least once.
 */
export class EventRecorder implements CommitObserver {
  #wanted: readonly EventFilter[] = [];
  #waiting: Pending[] = [];
  #dropped = 0;
  readonly #silence: readonly (() => void)[];
  #flushing: Promise<void> = Promise.resolve();

  constructor(private readonly parts: EventRecorderParts) {
    const { clock } = parts;
    this.#silence = [clock.every(WANTED_MS, () => this.refresh()), clock.every(FLUSH_MS, () => this.flush())];
  }

  keyChanged({ bucket, key }: KeyAddress, before: ObjectRecord | null, after: ObjectRecord | null): void {
    if (this.#wanted.length === 0) return;
    const type = objectEvent(before, after);
    if (type === undefined || !this.#mayBeWanted(type, key)) return;
    this.#add({
      at: this.parts.clock.now(),
      type,
      key,
      bucket: { id: bucket },
      data: (name) => ({
        ...(after ? shownRecord(after, name) : {}),
        ...(before ? { previous: shownRecord(before, name) } : {}),
      }),
    });
  }

  bucketChanged(before: BucketDocument, after: BucketDocument | null): void {
    const type = bucketEvent(before, after);
    if (type === undefined || !this.#mayBeWanted(type)) return;
    const shown = ({ home, policy }: BucketDocument, name: (id: string) => string) => ({
      backend: name(home),
      tier: policy ?? null,
    });
    this.#add({
      at: this.parts.clock.now(),
      type,
      bucket: { name: before.name },
      data: (name) => ({
        id: before.id,
        ...(after ? shown(after, name) : {}),
        ...(after && before.state === 'creating' ? {} : { previous: shown(before, name) }),
      }),
    });
  }

  /** Told of a job that is settled, or not: then it is no event. */
  jobEnded(job: JobRecord, state: JobState, error?: string): void {
    const type = ENDED[state];
    if (type === undefined || !this.#mayBeWanted(type)) return;
    const { id, type: kind, bucketId } = job;
    const bucket = bucketId === undefined ? undefined : { id: bucketId as BucketId };
    const why = error === undefined ? {} : { error };
    this.#add({ at: this.parts.clock.now(), type, bucket, data: () => ({ job: id, kind, ...why }) });
  }

  /** Asks what is wanted, now. Never fails: what was wanted before stays. */
  async refresh(): Promise<void> {
    try {
      this.#wanted = await this.parts.controlPlane.events.wanted();
    } catch (error) {
      this.parts.logger.debug({ error }, 'it cannot be asked just now which events are wanted');
    }
  }

  /** Writes what waits, now. Never fails: what cannot be written waits on. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#writeAll());
    return this.#flushing;
  }

  async close(): Promise<void> {
    for (const silence of this.#silence) silence();
    await this.flush();
  }

  async #writeAll(): Promise<void> {
    const { controlPlane, logger } = this.parts;
    while (this.#waiting.length > 0) {
      const taken = this.#waiting.splice(0, A_WRITE);
      try {
        const events = await this.#named(taken);
        await controlPlane.events.append(events.filter((event) => this.#wanted.some((one) => isWanted(one, event))));
      } catch (error) {
        this.#waiting.unshift(...taken);
        logger.warn({ error, waiting: this.#waiting.length }, 'events cannot be written just now; they wait');
        return;
      }
    }
    if (this.#dropped === 0) return;
    logger.error(
      { dropped: this.#dropped },
      'events were lost: more of them waited for Postgres than there is room for',
    );
    this.#dropped = 0;
  }

  async #named(pending: readonly Pending[]): Promise<NewEvent[]> {
    const { controlPlane, index } = this.parts;
    const { backendById } = await controlPlane.configuration.current();
    const names = new Map<BucketId, string>();
    const nameOf = async (id: BucketId): Promise<string> => {
      const name = names.get(id) ?? (await index.getBucket(id))?.value.name ?? id;
      names.set(id, name);
      return name;
    };
    const backendName = (id: string): string => backendById.get(id)?.name ?? id;
    const events: NewEvent[] = [];
    for (const { bucket, data, ...event } of pending) {
      const name = bucket && ('name' in bucket ? bucket.name : await nameOf(bucket.id));
      events.push({ ...event, data: data(backendName), ...(name === undefined ? {} : { bucket: name }) });
    }
    return events;
  }

  /** By what is known without asking: the bucket's name is not. */
  #mayBeWanted(type: EventType, key?: string): boolean {
    return this.#wanted.some(({ events, prefix }) =>
      isWanted(
        { events, ...(prefix === undefined ? {} : { prefix }) },
        { type, ...(key === undefined ? {} : { key }) },
      ),
    );
  }

  #add(event: Pending): void {
    const trace = this.parts.currentTrace?.();
    if (this.#waiting.length < WAITING) this.#waiting.push(trace === undefined ? event : { ...event, trace });
    else this.#dropped += 1;
  }
}

const ENDED: Readonly<Partial<Record<JobState, EventType>>> = {
  completed: 'job.completed',
  failed: 'job.failed',
  cancelled: 'job.cancelled',
};
