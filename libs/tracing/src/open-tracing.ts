import type { TracingOptions } from './tracing-options.js';
import type { Tracing } from './tracing.js';

/** Opens traces. OpenTelemetry is loaded by this call and by no other, so that a process without them has nothing of it in memory. Sends nothing yet, so it succeeds with the receiver down. */
export async function openTracing(options: TracingOptions): Promise<Tracing> {
  const { OpenTelemetryTracing } = await import('./open-telemetry.js');
  return new OpenTelemetryTracing(options);
}
