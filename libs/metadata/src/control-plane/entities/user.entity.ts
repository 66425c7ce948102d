import { Column, Entity, PrimaryColumn } from 'typeorm';
import { TIME } from './columns.js';

@Entity({ name: 'user' })
export class UserEntity {
  @PrimaryColumn({ type: 'uuid' }) id: string;
  @Column({ type: 'text', unique: true }) name: string;
  @Column({ type: 'text' }) role: string;
  @Column({ type: 'boolean' }) disabled: boolean;
  @Column({ name: 'created_at', ...TIME }) createdAt: Date;
}
