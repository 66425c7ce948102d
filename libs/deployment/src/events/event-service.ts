import type { DeliveryState, EventFilter, EventRecord, EventType, Page, PageRequest } from '#libs/metadata';
import type { Secret } from '#libs/secrets';

/** A webhook as it is shown: without its secret. */
export interface WebhookView {
  readonly id: string;
  readonly url: string;
  /** Empty: all. */
  readonly events: readonly EventType[];
  readonly bucket?: string;
  readonly prefix?: string;
  readonly insecure: boolean;
  readonly disabled: boolean;
  readonly createdAt: string;
}

/** What a client sends; nothing in it is believed before it was read. */
export interface WebhookInput {
  readonly url?: unknown;
  readonly events?: unknown;
  readonly bucket?: unknown;
  readonly prefix?: unknown;
  readonly insecure?: unknown;
}

/** An event as webhooks and streams show it. */
export interface EventView {
  readonly id: string;
  readonly type: EventType;
  readonly time: string;
  readonly bucket?: string;
  readonly key?: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** An event that a webhook has not taken. */
export interface DeliveryView {
  readonly id: string;
  readonly webhook: string;
  readonly state: DeliveryState;
  readonly attempts: number;
  /** When it is sent again by itself; null: never. */
  readonly nextAt: string | null;
  readonly lastError?: string;
  readonly event: EventView;
}

/** What a stream of events yields: first that it is at work, then each event. */
export type Streamed = { readonly ready: string } | { readonly event: EventView };

/** Events, for administrators. Webhooks hear of what happens from a second after they were made. Fails with `DeploymentError` `invalid-webhook` and with the control plane's `not-found`. */
export interface EventService {
  /** The secret is in this answer and in no other. */
  createWebhook(input: WebhookInput): Promise<{ readonly webhook: WebhookView; readonly secret: Secret }>;
  getWebhook(id: string): Promise<WebhookView>;
  listWebhooks(page: PageRequest): Promise<Page<WebhookView>>;
  /** A disabled one is told nothing, and what waits for it waits on. */
  setWebhookDisabled(id: string, disabled: boolean): Promise<WebhookView>;
  deleteWebhook(id: string): Promise<void>;
  listDeliveries(
    page: PageRequest & { readonly state?: DeliveryState; readonly webhook?: string },
  ): Promise<Page<DeliveryView>>;
  /** Sends one again, with all its attempts before it. */
  resend(id: string): Promise<DeliveryView>;
  /** Events as they come, after the one of that id or from now on, until the signal aborts. `ready` says from when on none is missed. */
  watch(filter: EventFilter, after: string | undefined, signal: AbortSignal): AsyncIterable<Streamed>;
}

/** An event as it is shown. */
export function showEvent({ at, ...event }: EventRecord): EventView {
  return { ...event, time: new Date(at).toISOString() };
}
