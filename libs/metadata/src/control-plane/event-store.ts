import type {
  DeliveryRecord,
  DeliveryState,
  EventFilter,
  EventRecord,
  NewEvent,
  WebhookRecord,
} from './event-records.js';
import type { Page, PageRequest } from './paging.js';

export type NewWebhook = Omit<WebhookRecord, 'createdAt' | 'disabled'>;

/** Webhooks, what happened, and what is still to be delivered. */
export interface EventStore {
  createWebhook(webhook: NewWebhook): Promise<WebhookRecord>;
  getWebhook(id: string): Promise<WebhookRecord>;
  setWebhookDisabled(id: string, disabled: boolean): Promise<WebhookRecord>;
  /** Replaces a sealed secret, if it is still the one given; whether it was. */
  resealWebhook(id: string, from: string, to: string): Promise<boolean>;
  /** With everything that it was still to be told. */
  deleteWebhook(id: string): Promise<void>;
  listWebhooks(page: PageRequest): Promise<Page<WebhookRecord>>;

  /** What anybody wants to hear of now: enabled webhooks, and listeners that live. */
  wanted(): Promise<readonly EventFilter[]>;
  /** Says that somebody listens, for so many milliseconds from now. */
  listen(id: string, filter: EventFilter, forMs: number): Promise<void>;
  silence(id: string): Promise<void>;

  /** Appends events, and for each a delivery to every enabled webhook that wants it: all or none. Events of two calls are never seen in another order than that of their ids. */
  append(events: readonly NewEvent[]): Promise<void>;
  /** Events after that id, oldest first; all types, for the reader to choose from. */
  read(after: string, limit: number): Promise<readonly EventRecord[]>;
  /** Id of the newest event; `0` if there is none. */
  newest(): Promise<string>;

  /** Takes deliveries that are due, at most `perWebhook` of each but the busy; nobody else is given them for `forMs`. Counts as an attempt. */
  claim(perWebhook: number, forMs: number, busy: readonly string[]): Promise<readonly DeliveryRecord[]>;
  delivered(id: string): Promise<void>;
  /** Not taken: to be tried again in so many milliseconds, or never by itself. */
  refused(id: string, error: string, again: number | 'never'): Promise<void>;
  listDeliveries(
    page: PageRequest & { readonly state?: DeliveryState; readonly webhookId?: string },
  ): Promise<Page<DeliveryRecord>>;
  /** Makes a delivery due now, with all its attempts before it; `not-found` if it is not there (any more). */
  resend(id: string): Promise<DeliveryRecord>;
  /** Forgets events from before, with deliveries that nobody took, and listeners that have gone. How many events went. */
  prune(before: number): Promise<number>;
}
