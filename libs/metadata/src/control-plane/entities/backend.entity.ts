import { Column, Entity, PrimaryColumn } from 'typeorm';
import { TEXT_OR_NULL, TIME, TIME_OR_NULL } from './columns.js';

@Entity({ name: 'backend' })
export class BackendEntity {
  @PrimaryColumn({ type: 'uuid' }) id: string;
  @Column({ type: 'text', unique: true }) name: string;
  @Column({ type: 'text' }) type: string;
  @Column(TEXT_OR_NULL) profile: string | null;
  @Column(TEXT_OR_NULL) endpoint: string | null;
  @Column(TEXT_OR_NULL) region: string | null;
  @Column({ type: 'jsonb' }) options: Record<string, string | number | boolean>;
  @Column({ type: 'text' }) credentials: string;
  @Column({ type: 'jsonb' }) capabilities: Record<string, unknown>;
  @Column({ type: 'text' }) state: string;
  @Column({ name: 'last_checked_at', ...TIME_OR_NULL }) lastCheckedAt: Date | null;
  @Column({ name: 'last_check_error', ...TEXT_OR_NULL }) lastCheckError: string | null;
  @Column({ name: 'created_at', ...TIME }) createdAt: Date;
  @Column({ type: 'integer' }) revision: number;
}
