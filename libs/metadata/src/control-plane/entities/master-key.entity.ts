import { Column, Entity, PrimaryColumn } from 'typeorm';
import { TIME, TIME_OR_NULL } from './columns.js';

/** A row of `master_key`. */
@Entity({ name: 'master_key' })
export class MasterKeyEntity {
  @PrimaryColumn({ type: 'text' }) id: string;
  @Column({ type: 'text' }) state: string;
  @Column({ name: 'created_at', ...TIME }) createdAt: Date;
  @Column({ name: 'retired_at', ...TIME_OR_NULL }) retiredAt: Date | null;
}
