/** A service that keeps a key of its own and wraps master keys by it, so that what lies in a file or in the environment is no secret. */
export interface KeyManagement {
  /** For messages: which key of which service. */
  readonly name: string;
  /** A new 32-byte key, in the clear and wrapped. */
  generate(): Promise<{ readonly plain: Uint8Array; readonly wrapped: Uint8Array }>;
  /** Unwraps what `generate` or the service's own tool made. Every failure is a MasterKeyError that says what the service said. */
  unwrap(wrapped: Uint8Array): Promise<Uint8Array>;
  close(): void;
}
