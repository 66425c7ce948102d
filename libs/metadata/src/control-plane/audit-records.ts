/**
 * How an audited request ended:
 * - `begun`: recorded before the change was tried, and never settled: the process died, or lost Postgres, in between. Whether the change happened is for its resource to say.
 * - `done`: the change was made. `refused`: nothing was changed, and the client was told why (401, 403 or another 4xx). `failed`: an outage or a defect (5xx).
 */
export const AUDIT_RESULTS = ['begun', 'done', 'refused', 'failed'] as const;
export type AuditResult = (typeof AUDIT_RESULTS)[number];

/** What was changed, as far as it can be said without a secret: a flat object of names, numbers and booleans. */
export type AuditDetails = Readonly<Record<string, string | number | boolean>>;

/** Who asked, for what, and from where. */
export interface AuditRequest {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Id of the user that the request acted for; absent where nobody was authenticated. */
  readonly actorId?: string;
  /** The user's name then; `system` for what the product did by itself. */
  readonly actor?: string;
  readonly accessKey?: string;
  /** The operation's id in the description of the API, as `createKey`. */
  readonly action: string;
  /** Path of the request, without its query; at most 1,024 characters. */
  readonly resource: string;
  /** The other end of the connection: a proxy's, where there is one. */
  readonly remoteAddress?: string;
  /** What `X-Forwarded-For` said: a claim, which anybody can make who reaches the port. */
  readonly forwardedFor?: string;
  readonly requestId?: string;
}

/** What came of it. */
export interface AuditOutcome {
  readonly result: Exclude<AuditResult, 'begun'>;
  /** HTTP status of the answer; absent for what the product did by itself. */
  readonly status?: number;
  /** Stable code of the problem that was answered. */
  readonly code?: string;
  readonly details?: AuditDetails;
}

/** A record to append whole. `count`: how many equal requests it stands for, 1 if absent. */
export type NewAuditRecord = AuditRequest & AuditOutcome & { readonly count?: number };

export interface AuditRecord extends AuditRequest {
  /** A decimal number; later records have larger ones. */
  readonly id: string;
  readonly result: AuditResult;
  readonly status?: number;
  readonly code?: string;
  readonly count: number;
  readonly details: AuditDetails;
  readonly settledAt?: number;
}
