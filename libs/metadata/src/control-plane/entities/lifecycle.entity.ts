import { Column, Entity, PrimaryColumn } from 'typeorm';
import { TIME, TIME_OR_NULL } from './columns.js';

@Entity({ name: 'lifecycle' })
export class LifecycleEntity {
  @PrimaryColumn({ name: 'bucket_id', type: 'uuid' }) bucketId: string;
  @Column({ type: 'jsonb' }) rules: unknown[];
  @Column({ name: 'updated_at', ...TIME }) updatedAt: Date;
  @Column({ name: 'last_run_at', ...TIME_OR_NULL }) lastRunAt: Date | null;
}
