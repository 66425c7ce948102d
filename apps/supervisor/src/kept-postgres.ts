import { startEmbeddedPostgres, type EmbeddedPostgres, type PostgresConnection } from '#libs/postgres-server';
import { BackOff } from './back-off.js';

/** The Postgres to keep running. */
export interface PostgresPlan {
  readonly dataDirectory: string;
  readonly onLog: (line: string) => void;
  /** Gets what happens to it, in words for a person. */
  readonly onEvent: (event: string) => void;
}

/**
 * The embedded Postgres, started again on the same socket when it ends by itself: killed, or in a panic because its disk is full. Its first start rejects where it fails; later ones are tried again,
 * ever later (BackOff), so that it is there again once there is room. Meanwhile whoever asks it is refused a connection.
 */
export class KeptPostgres {
  readonly #backOff = new BackOff();
  #restart: NodeJS.Timeout | undefined;
  #starting: Promise<void> | undefined;
  #stopping = false;

  private constructor(
    private readonly plan: PostgresPlan,
    private server: EmbeddedPostgres,
    readonly connection: PostgresConnection,
  ) {}

  static async start(plan: PostgresPlan): Promise<KeptPostgres> {
    const server = await startEmbeddedPostgres(plan);
    const kept = new KeptPostgres(plan, server, server.connection);
    kept.#watch(server, performance.now());
    return kept;
  }

  /** As that of the server; also ends a start under way. */
  async stop(timeoutMs: number): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restart);
    await this.#starting;
    await this.server.stop(timeoutMs);
  }

  #watch(server: EmbeddedPostgres, began: number): void {
    void server.ended.then((how) => {
      if (!this.#stopping) this.#runAgain(`ended by itself (${how})`, performance.now() - began);
    });
  }

  #runAgain(what: string, upMs: number): void {
    const pause = this.#backOff.next(upMs);
    this.plan.onEvent(`${what}; starting it again ${pause === 0 ? 'at once' : `in ${pause / 1000} s`}`);
    this.#restart = setTimeout(() => {
      this.#starting = this.#run();
    }, pause);
  }

  async #run(): Promise<void> {
    const began = performance.now();
    try {
      this.server = await startEmbeddedPostgres({ ...this.plan, socketDirectory: this.connection.host });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (!this.#stopping) this.#runAgain(`could not start: ${reason}`, 0);
      return;
    }
    if (!this.#stopping) this.plan.onEvent('is ready again');
    this.#watch(this.server, began);
  }
}
