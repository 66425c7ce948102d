import type { AuditOutcome, AuditRecord, AuditRequest, AuditResult, NewAuditRecord } from './audit-records.js';
import type { Page, PageRequest } from './paging.js';

/** Which records to read; every member that is there must be met. */
export interface AuditFilter {
  /** Milliseconds since the epoch; `from` inclusive, `to` exclusive. */
  readonly from?: number;
  readonly to?: number;
  /** Name or id of a user, or an access key. */
  readonly actor?: string;
  readonly action?: string;
  /** How the resource begins. */
  readonly resource?: string;
  readonly result?: AuditResult;
}

/** The audit log: who asked for which change, and what was refused. Records are never changed, but for one that was begun, which is settled once. */
export interface AuditStore {
  /** Records that a change is about to be tried; answers the record's id. The change must not be tried if this fails. */
  begin(request: AuditRequest): Promise<string>;
  /** Says what came of it; `conflict` if the record is not there or is settled already. */
  settle(id: string, outcome: AuditOutcome): Promise<void>;
  /** Appends whole records, all or none. */
  append(records: readonly NewAuditRecord[]): Promise<void>;
  /** Newest first, or oldest first where `order` says so; the cursor is a record's id. */
  list(query: PageRequest & AuditFilter & { readonly order?: 'newest' | 'oldest' }): Promise<Page<AuditRecord>>;
  /** Deletes at most `limit` of the oldest records from before `before`, which the database allows a day after they were made. How many went. */
  prune(before: number, limit: number): Promise<number>;
}
