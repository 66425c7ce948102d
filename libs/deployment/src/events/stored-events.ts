import { randomUUID } from 'node:crypto';
import {
  isWanted,
  type ControlPlane,
  type DeliveryRecord,
  type DeliveryState,
  type EventFilter,
  type Page,
  type PageRequest,
  type WebhookRecord,
} from '#libs/metadata';
import type { Clock } from '#libs/objects';
import type { Secret } from '#libs/secrets';
import { isoTime, shownPage } from '../paging.js';
import { WANTED_MS } from './event-recorder.js';
import {
  showEvent,
  type DeliveryView,
  type EventService,
  type Streamed,
  type WebhookInput,
  type WebhookView,
} from './event-service.js';
import { checkedWebhook } from './webhook-input.js';
import type { WebhookSecrets } from './webhook-secrets.js';

const POLL_MS = 500;
const A_READ = 500;
/** A listener that has not shown itself for so long has gone. */
const LISTENS_MS = 30_000;
const SHOWS_ITSELF_MS = 10_000;

export interface StoredEventsParts {
  readonly controlPlane: ControlPlane;
  readonly clock: Clock;
  readonly secrets: WebhookSecrets;
  readonly allowPrivate: boolean;
}

/** Events as the control plane keeps them: see the port. */
export class StoredEvents implements EventService {
  constructor(private readonly parts: StoredEventsParts) {}

  async createWebhook(input: WebhookInput): Promise<{ readonly webhook: WebhookView; readonly secret: Secret }> {
    const { controlPlane, secrets, allowPrivate } = this.parts;
    const checked = checkedWebhook(input, allowPrivate);
    const id = randomUUID();
    const secret = secrets.make();
    const webhook = await controlPlane.events.createWebhook({ ...checked, id, secret: secrets.seal(id, secret) });
    return { webhook: showWebhook(webhook), secret };
  }

  async getWebhook(id: string): Promise<WebhookView> {
    return showWebhook(await this.parts.controlPlane.events.getWebhook(id));
  }

  async listWebhooks(page: PageRequest): Promise<Page<WebhookView>> {
    return shownPage(await this.parts.controlPlane.events.listWebhooks(page), showWebhook);
  }

  async setWebhookDisabled(id: string, disabled: boolean): Promise<WebhookView> {
    return showWebhook(await this.parts.controlPlane.events.setWebhookDisabled(id, disabled));
  }

  deleteWebhook(id: string): Promise<void> {
    return this.parts.controlPlane.events.deleteWebhook(id);
  }

  async listDeliveries(
    query: PageRequest & { readonly state?: DeliveryState; readonly webhook?: string },
  ): Promise<Page<DeliveryView>> {
    const { webhook, ...page } = query;
    const of = webhook === undefined ? {} : { webhookId: webhook };
    return shownPage(await this.parts.controlPlane.events.listDeliveries({ ...page, ...of }), showDelivery);
  }

  async resend(id: string): Promise<DeliveryView> {
    return showDelivery(await this.parts.controlPlane.events.resend(id));
  }

  async *watch(filter: EventFilter, after: string | undefined, signal: AbortSignal): AsyncGenerator<Streamed> {
    const { controlPlane, clock } = this.parts;
    const { events } = controlPlane;
    const id = randomUUID();
    const shows = async (): Promise<number> => {
      await events.listen(id, filter, LISTENS_MS);
      return clock.monotonic();
    };
    let shownAt = await shows();
    let last = after ?? (await events.newest());
    try {
      // By then every process has asked what is wanted.
      if (!(await rested(clock, 2 * WANTED_MS, signal))) return;
      yield { ready: last };
      let isMore: boolean;
      do {
        const page = await events.read(last, A_READ);
        for (const event of page) if (isWanted(filter, event)) yield { event: showEvent(event) };
        last = page.at(-1)?.id ?? last;
        if (clock.monotonic() - shownAt > SHOWS_ITSELF_MS) shownAt = await shows();
        isMore = page.length === A_READ && !signal.aborted;
      } while (isMore || (await rested(clock, POLL_MS, signal)));
    } finally {
      await events.silence(id);
    }
  }
}

/** Waits; false once the signal has aborted. */
async function rested(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await clock.sleep(ms, signal);
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}

function showWebhook({ secret: _, createdAt, ...webhook }: WebhookRecord): WebhookView {
  return { ...webhook, createdAt: isoTime(createdAt) };
}

function showDelivery({ webhookId, nextAt, event, ...delivery }: DeliveryRecord): DeliveryView {
  const next = delivery.state === 'pending' ? isoTime(nextAt) : null;
  return { ...delivery, webhook: webhookId, nextAt: next, event: showEvent(event) };
}
