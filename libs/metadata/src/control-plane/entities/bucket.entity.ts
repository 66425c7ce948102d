import { Column, Entity, PrimaryColumn } from 'typeorm';
import { TEXT_OR_NULL, TIME } from './columns.js';

@Entity({ name: 'bucket' })
export class BucketEntity {
  @PrimaryColumn({ type: 'uuid' }) id: string;
  @Column({ type: 'text', unique: true }) name: string;
  @Column({ type: 'text' }) state: string;
  @Column({ name: 'owner_id', type: 'uuid' }) ownerId: string;
  @Column({ type: 'text' }) type: string;
  @Column({ name: 'backend_id', type: 'uuid' }) backendId: string;
  @Column(TEXT_OR_NULL) policy: string | null;
  @Column({ name: 'created_at', ...TIME }) createdAt: Date;
}
