import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { AuditDetails } from '../audit-records.js';
import { TEXT_OR_NULL, TIME, TIME_OR_NULL } from './columns.js';

/** A trigger refuses every change but the one that settles what was begun. */
@Entity({ name: 'audit' })
export class AuditEntity {
  /** Order of recording; the database gives it. */
  @PrimaryColumn({ type: 'bigint', insert: false, update: false }) id: string;
  @Column(TIME) at: Date;
  @Column({ name: 'actor_id', ...TEXT_OR_NULL }) actorId: string | null;
  @Column(TEXT_OR_NULL) actor: string | null;
  @Column({ name: 'access_key', ...TEXT_OR_NULL }) accessKey: string | null;
  @Column({ type: 'text' }) action: string;
  @Column({ type: 'text' }) resource: string;
  @Column({ name: 'remote_address', ...TEXT_OR_NULL }) remoteAddress: string | null;
  @Column({ name: 'forwarded_for', ...TEXT_OR_NULL }) forwardedFor: string | null;
  @Column({ name: 'request_id', ...TEXT_OR_NULL }) requestId: string | null;
  @Column({ type: 'text' }) result: string;
  @Column({ type: 'integer', nullable: true }) status: number | null;
  @Column(TEXT_OR_NULL) code: string | null;
  @Column({ type: 'integer' }) count: number;
  @Column({ type: 'jsonb' }) details: AuditDetails;
  @Column({ name: 'settled_at', ...TIME_OR_NULL }) settledAt: Date | null;
}
