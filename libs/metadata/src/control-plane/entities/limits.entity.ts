import { Column, Entity, PrimaryColumn } from 'typeorm';
import { TIME } from './columns.js';

@Entity({ name: 'limits' })
export class LimitsEntity {
  @PrimaryColumn({ type: 'uuid' }) id: string;
  @Column({ name: 'bucket_id', type: 'uuid', nullable: true }) bucketId: string | null;
  @Column({ name: 'user_id', type: 'uuid', nullable: true }) userId: string | null;
  @Column({ name: 'requests_per_second', type: 'double precision', nullable: true }) requestsPerSecond: number | null;
  @Column({ name: 'bytes_per_second', type: 'double precision', nullable: true }) bytesPerSecond: number | null;
  /** The driver gives 64-bit numbers as text. */
  @Column({ type: 'bigint', nullable: true }) objects: string | null;
  @Column({ type: 'bigint', nullable: true }) bytes: string | null;
  @Column({ name: 'updated_at', ...TIME }) updatedAt: Date;
}
