import { Column, Entity, PrimaryColumn } from 'typeorm';
import { TIME } from './columns.js';

/** A unique index on `lower(name)` makes names unique whatever their case. */
@Entity({ name: 'tier_policy' })
export class TierPolicyEntity {
  @PrimaryColumn({ type: 'text' }) name: string;
  @Column({ type: 'text' }) description: string;
  @Column({ type: 'jsonb' }) classes: Record<string, string>;
  @Column({ type: 'jsonb' }) attributes: Record<string, string | number | boolean>;
  @Column({ type: 'text', array: true }) backends: string[];
  @Column({ name: 'updated_at', ...TIME }) updatedAt: Date;
  @Column({ type: 'integer' }) revision: number;
}
