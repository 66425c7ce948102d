import { Column, Entity, OneToMany, PrimaryColumn, type Relation } from 'typeorm';
import { AccessKeyEntity } from './access-key.entity.js';
import { TIME } from './columns.js';

@Entity({ name: 'user' })
export class UserEntity {
  @PrimaryColumn({ type: 'uuid' }) id: string;
  @Column({ type: 'text', unique: true }) name: string;
  @Column({ type: 'text' }) role: string;
  @Column({ type: 'boolean' }) disabled: boolean;
  @Column({ name: 'created_at', ...TIME }) createdAt: Date;
  @OneToMany(() => AccessKeyEntity, (key) => key.user) keys: Relation<AccessKeyEntity[]>;
}
