import type { SpanExporter } from '@opentelemetry/sdk-trace';

const QUIET_MS = 60_000;

/** Tells of failures once a minute, and lets nobody else hear of them: a receiver that is away must not hurt, nor fill the log. */
export class BoundedExporter implements SpanExporter {
  #toldAt = -Infinity;

  constructor(
    private readonly inner: SpanExporter,
    private readonly onTrouble: (error: Error) => void,
  ) {}

  export: SpanExporter['export'] = (spans, done) => {
    this.inner.export(spans, (result) => {
      if (result.error) this.#tell(result.error);
      done(result);
    });
  };

  shutdown(): Promise<void> {
    return this.inner.shutdown();
  }

  async forceFlush(): Promise<void> {
    await this.inner.forceFlush?.();
  }

  #tell(cause: Error): void {
    const now = performance.now();
    if (now - this.#toldAt < QUIET_MS) return;
    this.#toldAt = now;
    this.onTrouble(new Error('traces cannot be sent just now; they are dropped', { cause }));
  }
}
