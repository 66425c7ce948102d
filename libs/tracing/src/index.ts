export { openTracing } from './open-tracing.js';
export type { TracingOptions } from './tracing-options.js';
export { isTraceparent, readTraceparent, type TraceContext } from './traceparent.js';
export { inSpan, type Attributes, type RunningSpan, type SpanStart, type Tracing } from './tracing.js';
