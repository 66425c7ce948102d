import type { ControlPlane, DeliveryRecord } from '#libs/metadata';
import type { Clock } from '#libs/objects';
import type { Logger } from '../deployment.js';
import { postEvent } from '#libs/webhooks';
import { inSpan, type Tracing } from '#libs/tracing';
import type { WebhookSecrets } from './webhook-secrets.js';

/** Deliveries to one webhook at once, in one worker. */
const AT_ONCE = 8;
/** How long a claimed delivery is nobody else's; longer than any attempt. */
const CLAIM_MS = 60_000;
/** Attempts until it is given up: with the pauses between them, about five hours. */
export const MOST_ATTEMPTS = 16;
const LONGEST_PAUSE_MS = 3_600_000;

export interface DeliveryParts {
  readonly controlPlane: ControlPlane;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly secrets: WebhookSecrets;
  readonly allowPrivate: boolean;
  readonly tracing?: Tracing | undefined;
}

/** A second, then twice as long each time, up to an hour. */
export function pauseAfter(attempts: number): number {
  return Math.min(LONGEST_PAUSE_MS, 1_000 * 2 ** (attempts - 1));
}

/** Brings events to webhooks. Any number of workers may be at it; each delivery is one's at a time. A webhook that hangs keeps no other waiting. */
export class Deliveries {
  readonly #underWay = new Map<Promise<void>, string>();

  constructor(private readonly parts: DeliveryParts) {}

  /** Begins what is due, and answers how many. Never rejects. */
  async begin(signal: AbortSignal): Promise<number> {
    const { controlPlane, logger } = this.parts;
    try {
      const claimed = await controlPlane.events.claim(AT_ONCE, CLAIM_MS, this.#busy());
      for (const delivery of claimed) this.#start(delivery, signal);
      return claimed.length;
    } catch (error) {
      if (!signal.aborted) logger.warn({ error }, 'deliveries cannot be claimed just now; it is tried again');
      return 0;
    }
  }

  /** When nothing is under way any more. */
  async idle(): Promise<void> {
    await Promise.all(this.#underWay.keys());
  }

  /** Webhooks that have as many deliveries under way as they may. */
  #busy(): string[] {
    const counts = new Map<string, number>();
    for (const webhook of this.#underWay.values()) counts.set(webhook, (counts.get(webhook) ?? 0) + 1);
    return [...counts].flatMap(([webhook, count]) => (count >= AT_ONCE ? [webhook] : []));
  }

  #start(delivery: DeliveryRecord, signal: AbortSignal): void {
    const work = this.#deliver(delivery, signal);
    this.#underWay.set(work, delivery.webhookId);
    void work.then(() => this.#underWay.delete(work));
  }

  /** Never rejects: what cannot be written down is claimed again once its claim has run out. */
  async #deliver(delivery: DeliveryRecord, signal: AbortSignal): Promise<void> {
    const { controlPlane, logger } = this.parts;
    try {
      const refusal = await this.#attempt(delivery, signal);
      if (refusal === undefined) await controlPlane.events.delivered(delivery.id);
      else if (!signal.aborted) {
        const again = delivery.attempts >= MOST_ATTEMPTS ? 'never' : pauseAfter(delivery.attempts);
        await controlPlane.events.refused(delivery.id, refusal, again);
      }
    } catch (error) {
      logger.warn({ delivery: delivery.id, error }, 'the outcome of a delivery cannot be written; it is sent again');
    }
  }

  /** Each attempt is a part of the trace that the event came of, and the receiver's work a part of the attempt. */
  #traced(delivery: DeliveryRecord, post: (traceparent: string | undefined) => Promise<void>): Promise<void> {
    const { tracing } = this.parts;
    const { trace, type } = delivery.event;
    if (tracing === undefined || trace === undefined) return post(trace);
    const attributes = {
      'spumoni.webhook': delivery.webhookId,
      'spumoni.event': type,
      'spumoni.delivery': delivery.id,
      'spumoni.attempts': delivery.attempts,
    };
    const start = { name: 'webhook delivery', kind: 'client', parent: trace, attributes } as const;
    return inSpan(tracing, start, (span) => post(span.traceparent));
  }

  /** Why it was not taken; undefined if it was. */
  async #attempt(delivery: DeliveryRecord, signal: AbortSignal): Promise<string | undefined> {
    const { controlPlane, clock, secrets, allowPrivate } = this.parts;
    const webhook = await controlPlane.events.getWebhook(delivery.webhookId);
    try {
      const target = { url: webhook.url, secret: secrets.open(webhook), allowPrivate };
      const now = Math.floor(clock.now() / 1000);
      await this.#traced(delivery, (traceparent) => postEvent(delivery, { ...target, now, traceparent }, signal));
      return undefined;
    } catch (error) {
      return (error instanceof Error ? error.message : String(error)).slice(0, 500);
    }
  }
}
