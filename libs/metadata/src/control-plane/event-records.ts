/** What happens that can be told of. */
export const EVENT_TYPES = [
  'object.created',
  'object.replaced',
  'object.changed',
  'object.removed',
  'object.tier-changed',
  'object.migrated',
  'bucket.created',
  'bucket.deleted',
  'bucket.migrated',
  'bucket.tier-changed',
  'job.completed',
  'job.failed',
  'job.cancelled',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** Something that happened. */
export interface NewEvent {
  /** Milliseconds since the epoch, by the clock of the process that saw it. */
  readonly at: number;
  readonly type: EventType;
  /** Name of the bucket that it is about; of a job, the bucket's id where the bucket has gone. */
  readonly bucket?: string;
  readonly key?: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** `traceparent` of what did it, where traces are on; goes to webhooks as a header. */
  readonly trace?: string;
}

export interface EventRecord extends NewEvent {
  /** A decimal number; events that are seen later have larger ones. */
  readonly id: string;
}

/** Which events somebody wants. An empty list of types: all. */
export interface EventFilter {
  readonly events: readonly EventType[];
  /** Name. */
  readonly bucket?: string;
  /** How the key begins; then no events without a key are wanted. */
  readonly prefix?: string;
}

export interface WebhookRecord extends EventFilter {
  readonly id: string;
  readonly url: string;
  /** Plain http is allowed. */
  readonly insecure: boolean;
  readonly disabled: boolean;
  /** Sealed. */
  readonly secret: string;
  readonly createdAt: number;
}

export type DeliveryState = 'pending' | 'dead';

/** An event that a webhook has not taken yet. It goes when it has. */
export interface DeliveryRecord {
  /** A decimal number. */
  readonly id: string;
  readonly webhookId: string;
  readonly event: EventRecord;
  readonly state: DeliveryState;
  /** Begun so far. */
  readonly attempts: number;
  /** When the next is due, in milliseconds since the epoch. */
  readonly nextAt: number;
  readonly lastError?: string;
}

/** Whether an event is one of those; what two processes must agree on. */
export function isWanted(filter: EventFilter, event: Pick<NewEvent, 'type' | 'bucket' | 'key'>): boolean {
  if (filter.events.length > 0 && !filter.events.includes(event.type)) return false;
  if (filter.bucket !== undefined && filter.bucket !== event.bucket) return false;
  return filter.prefix === undefined || event.key?.startsWith(filter.prefix) === true;
}
