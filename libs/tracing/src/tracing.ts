/** What a span says of its work: never a secret; an object's key only where the settings allow it. */
export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** How a span begins. */
export interface SpanStart {
  readonly name: string;
  /** `server`: work for somebody outside; `client`: a call to somebody outside. */
  readonly kind: 'server' | 'client' | 'internal';
  /** The `traceparent` of who asked for it. If absent, it is a part of what runs now, and of nothing where nothing traced runs. */
  readonly parent?: string | undefined;
  /** The `traceparent` of what led to it, some time ago: it begins a trace of its own, which is kept if that one was. */
  readonly cause?: string | undefined;
  readonly attributes?: Attributes;
  /** What happens within it is counted and not shown one by one, for work of a million parts. */
  readonly countsParts?: boolean;
}

/** A span under way. */
export interface RunningSpan {
  readonly traceId: string;
  /** To be passed on to whoever works for it. */
  readonly traceparent: string;
  /** False where nobody will see it, for it was not chosen; then telling it things is for nothing. */
  readonly isRecorded: boolean;
  /** It only counts its parts. */
  readonly countsParts: boolean;
  rename(name: string): void;
  set(attributes: Attributes): void;
  /** One more of these; the sum is an attribute of that name. */
  count(name: string): void;
  /** Once; a failure is named by a code, never by a message that may hold anything. */
  end(failure?: string): void;
}

/** Traces of one process. There is none where they are off: whoever has an optional one pays a comparison. */
export interface Tracing {
  /** Keys of objects may be shown. */
  readonly showsKeys: boolean;
  /** What runs now; undefined outside of all spans. */
  active(): RunningSpan | undefined;
  begin(start: SpanStart): RunningSpan;
  /** Runs the work, and all that it leads to, within a span. Does not end it. */
  within<T>(span: RunningSpan, work: () => T): T;
  /** Sends what is left, for a few seconds at most; never rejects. */
  close(): Promise<void>;
}

/** Runs work within a span of its own, which ends with it. `failureOf` names a failure. */
export async function inSpan<T>(
  tracing: Tracing,
  start: SpanStart,
  work: (span: RunningSpan) => Promise<T>,
  failureOf: (error: unknown) => string = () => 'error',
): Promise<T> {
  const span = tracing.begin(start);
  try {
    const result = await tracing.within(span, () => work(span));
    span.end();
    return result;
  } catch (error) {
    span.end(failureOf(error));
    throw error;
  }
}
