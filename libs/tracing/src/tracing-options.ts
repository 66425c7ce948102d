/** Where traces go, and how many. */
export interface TracingOptions {
  /** The base URL of an OTLP/HTTP receiver, for example `http://127.0.0.1:4318`; traces are posted to `/v1/traces` below it. */
  readonly endpoint: string;
  /** Sent with each post; may hold a token, so they are never shown. */
  readonly headers: Readonly<Record<string, string>>;
  /** Which share of the traces that begin here is kept, from 0 to 1. One that comes in is kept if its sender keeps it. */
  readonly ratio: number;
  readonly showsKeys: boolean;
  /** `service.name` of the spans. */
  readonly service: string;
  /** Told that spans could not be sent, at most once a minute. They are gone then; nothing waits for them. */
  readonly onTrouble: (error: Error) => void;
  /** How often what has ended is sent, in milliseconds. Default 2,000. */
  readonly everyMs?: number;
}
