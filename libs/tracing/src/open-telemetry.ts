import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Context,
  type Span,
  type SpanContext,
  type Tracer,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { BoundedExporter } from './bounded-exporter.js';
import type { TracingOptions } from './tracing-options.js';
import { samplerOf } from './sampler.js';
import { readTraceparent, writeTraceparent } from './traceparent.js';
import type { Attributes, RunningSpan, SpanStart, Tracing } from './tracing.js';

/** Spans that wait to be sent; one more is dropped. Some kilobytes each. */
const WAITING = 4_096;
const A_POST = 512;
const EVERY_MS = 2_000;
/** How long one post may take, and how long closing waits for the last. */
const POST_MS = 5_000;
const FAREWELL_MS = 3_000;

const KINDS = { server: SpanKind.SERVER, client: SpanKind.CLIENT, internal: SpanKind.INTERNAL } as const;

class OpenTelemetrySpan implements RunningSpan {
  readonly context: Context;
  readonly #counts = new Map<string, number>();

  constructor(
    private readonly span: Span,
    readonly countsParts: boolean,
  ) {
    this.context = trace.setSpan(ROOT_CONTEXT, span);
  }

  get traceId(): string {
    return this.span.spanContext().traceId;
  }

  get traceparent(): string {
    const { traceId, spanId, traceFlags } = this.span.spanContext();
    return writeTraceparent({ traceId, spanId, isSampled: (traceFlags & TraceFlags.SAMPLED) !== 0 });
  }

  get isRecorded(): boolean {
    return this.span.isRecording();
  }

  rename(name: string): void {
    this.span.updateName(name);
  }

  set(attributes: Attributes): void {
    this.span.setAttributes(attributes);
  }

  count(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  end(failure?: string): void {
    for (const [name, count] of this.#counts) this.span.setAttribute(name, count);
    if (failure !== undefined) {
      this.span.setAttribute('error.type', failure);
      this.span.setStatus({ code: SpanStatusCode.ERROR });
    }
    this.span.end();
  }
}

/** Spans by OpenTelemetry's SDK, sent in batches as OTLP/JSON. What runs now is known by Node's own storage, and nothing is registered for the whole process. */
export class OpenTelemetryTracing implements Tracing {
  readonly showsKeys: boolean;
  readonly #provider: TracerProvider;
  readonly #tracer: Tracer;
  readonly #running = new AsyncLocalStorage<OpenTelemetrySpan>();
  #closing: Promise<void> | undefined;

  constructor(options: TracingOptions) {
    const { endpoint, headers, ratio, service, onTrouble, everyMs = EVERY_MS } = options;
    this.showsKeys = options.showsKeys;
    const url = `${endpoint.replace(/\/+$/, '')}/v1/traces`;
    const posting = new OTLPTraceExporter({ url, headers: { ...headers }, timeoutMillis: POST_MS });
    const processor = new BatchSpanProcessor({
      exporter: new BoundedExporter(posting, onTrouble),
      maxQueueSize: WAITING,
      maxExportBatchSize: A_POST,
      scheduledDelayMillis: everyMs,
      exportTimeoutMillis: POST_MS,
    });
    this.#provider = new TracerProvider({
      resource: resourceFromAttributes({ 'service.name': service, 'process.pid': process.pid }),
      sampler: samplerOf(ratio),
      spanProcessors: [processor],
    });
    this.#tracer = this.#provider.getTracer('spumoni');
  }

  active(): RunningSpan | undefined {
    return this.#running.getStore();
  }

  begin({ name, kind, parent, cause, attributes = {}, countsParts = false }: SpanStart): RunningSpan {
    const led = remote(cause);
    const options = { kind: KINDS[kind], attributes, ...(led ? { links: [{ context: led }] } : {}) };
    const span = this.#tracer.startSpan(name, options, led ? ROOT_CONTEXT : this.#contextOf(parent));
    return new OpenTelemetrySpan(span, countsParts);
  }

  #contextOf(parent: string | undefined): Context {
    const asked = remote(parent);
    if (asked !== undefined) return trace.setSpanContext(ROOT_CONTEXT, asked);
    return this.#running.getStore()?.context ?? ROOT_CONTEXT;
  }

  within<T>(span: RunningSpan, work: () => T): T {
    return span instanceof OpenTelemetrySpan ? this.#running.run(span, work) : work();
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    const patience = delay(FAREWELL_MS, undefined, { ref: false });
    // Whatever the receiver says, or leaves unsaid: a process that stops does not wait for it.
    const sent = this.#provider.shutdown().catch(() => undefined);
    await Promise.race([sent, patience]);
  }
}

function remote(traceparent: string | undefined): SpanContext | undefined {
  const read = readTraceparent(traceparent);
  if (read === undefined) return undefined;
  const { traceId, spanId, isSampled } = read;
  return { traceId, spanId, traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE, isRemote: true };
}
