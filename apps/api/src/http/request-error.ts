/** Stable codes of what the protocol layer itself refuses, before the domain is asked. */
export const REQUEST_ERROR_CODES = [
  'unauthenticated',
  'access-denied',
  'invalid-link',
  'link-expired',
  'link-revoked',
  'link-refused',
  'not-found',
  'method-not-allowed',
  'invalid-request',
  'invalid-url',
  'invalid-json',
  'invalid-digest',
  'malformed-request',
  'header-too-large',
  'body-too-large',
  'not-offered',
  'unsupported-media-type',
  'unsupported-protocol',
  'overloaded',
  'shutting-down',
] as const;
export type RequestErrorCode = (typeof REQUEST_ERROR_CODES)[number];

/** A request refused by the protocol layer. The message says what was wrong and what was expected; facts are for machines and hold no secret. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(
    readonly code: RequestErrorCode,
    message: string,
    details: { readonly facts?: Readonly<Record<string, unknown>>; readonly cause?: unknown } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.facts = details.facts ?? {};
  }
}
