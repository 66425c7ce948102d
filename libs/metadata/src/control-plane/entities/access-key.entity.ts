import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import { TIME, TIME_OR_NULL } from './columns.js';
import { UserEntity } from './user.entity.js';

@Entity({ name: 'access_key' })
export class AccessKeyEntity {
  @PrimaryColumn({ name: 'access_key_id', type: 'text' }) accessKeyId: string;
  @Column({ name: 'user_id', type: 'uuid' }) userId: string;
  @ManyToOne(() => UserEntity, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'user_id' })
  user: Relation<UserEntity>;
  @Column({ type: 'text' }) secret: string;
  @Column({ type: 'boolean' }) disabled: boolean;
  @Column({ name: 'created_at', ...TIME }) createdAt: Date;
  @Column({ name: 'last_rotated_at', ...TIME_OR_NULL }) lastRotatedAt: Date | null;
  @Column({ type: 'integer' }) revision: number;
}
