import { setTimeout as delay } from 'node:timers/promises';
import type { PostgresConnection } from './data-source.js';
import { PromptClient } from './prompt-client.js';

const CHANNEL = 'spumoni_configuration';
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;
/** How long Postgres may take to answer, and to take note of a goodbye. */
const SILENCE_MS = 5_000;

/**
 * Hears of changes as they are committed, on a connection of its own that is made again whenever it is lost. Only a hint that makes changes
 * arrive early: freshness never depends on it, so a lost notification costs nothing but the second.
 */
export class ConfigurationListener {
  private client: PromptClient | undefined;
  private retry: NodeJS.Timeout | undefined;
  private failures = 0;
  private closed = false;

  constructor(
    private readonly connection: PostgresConnection,
    private readonly onChange: () => void,
    private readonly onTrouble: (error: Error) => void,
  ) {}

  /** Begins to listen; never throws, for a listener that cannot connect tries again. */
  async start(): Promise<void> {
    if (this.closed) return;
    const client = new PromptClient({
      ...this.connection,
      application_name: 'spumoni-listener',
      keepAlive: true,
      connectionTimeoutMillis: SILENCE_MS,
      query_timeout: SILENCE_MS,
    });
    this.client = client;
    // Without a handler a lost connection would end the process. `end` follows, and connects again.
    client.on('error', this.onTrouble);
    client.once('end', () => this.again(client));
    client.on('notification', () => this.onChange());
    try {
      await client.connect();
      await client.query(`LISTEN ${CHANNEL}`);
      this.failures = 0;
      // Something may have changed while nobody listened.
      this.onChange();
    } catch (error) {
      this.onTrouble(error instanceof Error ? error : new Error(String(error)));
      this.again(client);
      client.end().catch(this.onTrouble);
    }
  }

  private again(client: PromptClient): void {
    if (this.closed || this.client !== client) return;
    this.client = undefined;
    const wait = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.failures);
    this.failures = Math.min(this.failures + 1, 10);
    this.retry = setTimeout(() => void this.start(), wait);
    this.retry.unref();
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.retry);
    await Promise.race([this.client?.end(), delay(SILENCE_MS, undefined, { ref: false })]);
  }
}
