import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { IndexKind } from '../../object-index/index-archive.js';
import { TIME, TIME_OR_NULL } from './columns.js';

/** The one row that says whose data this is. Containers name its id in their marker. */
@Entity({ name: 'deployment' })
export class DeploymentEntity {
  @PrimaryColumn({ type: 'uuid' }) id: string;
  @Column({ name: 'format_version', type: 'integer' }) formatVersion: number;
  @Column({ name: 'created_at', ...TIME }) createdAt: Date;
  @Column({ name: 'tiers_seeded_at', ...TIME_OR_NULL }) tiersSeededAt: Date | null;
  @Column({ name: 'index_kind', type: 'text', nullable: true }) indexKind: IndexKind | null;
}

/** The one row that triggers raise at every change of backends, tier policies, users or access keys. */
@Entity({ name: 'config_revision' })
export class ConfigRevisionEntity {
  @PrimaryColumn({ type: 'boolean', default: true }) singleton: boolean;
  @Column({ type: 'bigint' }) revision: string;
}
