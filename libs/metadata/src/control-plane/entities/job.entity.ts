import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { JobFailure, JobProgressRecord } from '../job-records.js';
import { TEXT_OR_NULL, TIME, TIME_OR_NULL } from './columns.js';

@Entity({ name: 'job' })
export class JobEntity {
  @PrimaryColumn({ type: 'uuid' }) id: string;
  /** Order of creation; the database gives it. */
  @Column({ type: 'bigint', insert: false, update: false }) sequence: string;
  @Column({ type: 'text' }) type: string;
  @Column({ type: 'text' }) state: string;
  @Column({ type: 'text' }) wish: string;
  @Column({ name: 'bucket_id', type: 'uuid', nullable: true }) bucketId: string | null;
  @Column({ type: 'jsonb' }) payload: Record<string, unknown>;
  @Column({ type: 'jsonb', nullable: true }) checkpoint: Record<string, unknown> | null;
  @Column({ type: 'jsonb' }) progress: JobProgressRecord;
  @Column({ type: 'jsonb' }) failures: JobFailure[];
  @Column(TEXT_OR_NULL) error: string | null;
  @Column({ name: 'worker_id', ...TEXT_OR_NULL }) workerId: string | null;
  @Column({ type: 'integer' }) fence: number;
  @Column({ name: 'failed_attempts', type: 'integer' }) failedAttempts: number;
  /** By the database's clock, unlike the other times. */
  @Column({ name: 'heartbeat_at', ...TIME_OR_NULL }) heartbeatAt: Date | null;
  @Column({ name: 'created_at', ...TIME }) createdAt: Date;
  @Column({ name: 'updated_at', ...TIME }) updatedAt: Date;
  @Column({ name: 'created_by', type: 'text', nullable: true }) createdBy: string | null;
  @Column({ type: 'text', nullable: true }) trace: string | null;
}
