import type { BucketId } from '../../object-index/records.js';
import { attempt, isUuid, required } from '../failures.js';
import type { NewUpload, StoredSegment, UploadRecord, UploadState, UploadStore } from '../upload-store.js';
import type { StoreContext } from './store-context.js';

interface UploadRow {
  readonly id: string;
  readonly bucket_id: string;
  readonly user_id: string;
  readonly wish: string;
  readonly size: string;
  readonly received: string;
  readonly state: UploadState;
  readonly outcome: string | null;
  readonly attempt: string | null;
  readonly created_at: Date;
  readonly expires_at: Date;
}
interface SegmentRow {
  readonly upload_id: string;
  readonly bucket_id: string;
  readonly start: string;
  readonly segment: string;
}

const UPLOAD = 'id, bucket_id, user_id, wish, size, received, state, outcome, attempt, created_at, expires_at';
const SEGMENT = 's.upload_id, u.bucket_id, s.start, s.segment';
const SEGMENTS = 'upload_segment s JOIN upload u ON u.id = s.upload_id';

/** More than this come of bodies of a few bytes each. */
const MOST_SEGMENTS = 100_000;

/** Both in one statement, so in one transaction: the offset never says more than there are segments. */
const APPEND = `WITH taken AS (
  UPDATE upload SET received = received + $3 WHERE id = $1 AND state = 'open' AND received = $2 AND received + $3 <= size AND expires_at > $5
    AND (SELECT count(*) FROM upload_segment WHERE upload_id = $1) < $6
  RETURNING id
) INSERT INTO upload_segment (upload_id, start, segment) SELECT id, $2, $4 FROM taken RETURNING 1`;

/** Resumable uploads in Postgres, in SQL of its own. */
export class PostgresUploadStore implements UploadStore {
  constructor(private readonly context: StoreContext) {}

  private query<Row>(what: string, sql: string, parameters: unknown[]): Promise<Row[]> {
    return attempt(what, () => this.context.dataSource.query<Row[]>(sql, parameters));
  }

  get #now(): Date {
    return new Date(this.context.clock.now());
  }

  /** The user's row is locked, so that two that begin at once count each other. */
  async create(upload: NewUpload, most: number): Promise<UploadRecord | undefined> {
    const { id, bucketId, userId, wish, size, expiresAt } = upload;
    const what = `upload to bucket ${bucketId}`;
    const now = this.#now;
    const rows = await attempt(what, () =>
      this.context.dataSource.transaction(async (manager) => {
        required(what, (await manager.query<unknown[]>('SELECT 1 FROM "user" WHERE id = $1 FOR UPDATE', [userId]))[0]);
        return manager.query<UploadRow[]>(
          `INSERT INTO upload (id, bucket_id, user_id, wish, size, created_at, expires_at) SELECT $1, $2, $3, $4, $5, $6, $7
           WHERE (SELECT count(*) FROM upload WHERE user_id = $3 AND state = 'open' AND expires_at > $6) < $8 RETURNING ${UPLOAD}`,
          [id, bucketId, userId, wish, size, now, new Date(expiresAt), most],
        );
      }),
    );
    return rows[0] && toUpload(rows[0]);
  }

  async find(id: string): Promise<UploadRecord | undefined> {
    if (!isUuid(id)) return undefined;
    const rows = await this.query<UploadRow>(`upload ${id}`, `SELECT ${UPLOAD} FROM upload WHERE id = $1`, [id]);
    return rows[0] && toUpload(rows[0]);
  }

  async append(id: string, at: { start: number; size: number; segment: string }): Promise<boolean> {
    const rows = await this.query(`upload ${id}`, APPEND, [
      id,
      at.start,
      at.size,
      at.segment,
      this.#now,
      MOST_SEGMENTS,
    ]);
    return rows.length > 0;
  }

  async segments(id: string): Promise<readonly StoredSegment[]> {
    const sql = `SELECT ${SEGMENT} FROM ${SEGMENTS} WHERE s.upload_id = $1 ORDER BY s.start`;
    return (await this.query<SegmentRow>(`upload ${id}`, sql, [id])).map(toSegment);
  }

  async claim(id: string, claim: string, until: number): Promise<UploadRecord | undefined> {
    const sql = `WITH one AS (UPDATE upload SET claim = $2, claimed_until = $3
      WHERE id = $1 AND state = 'open' AND (claimed_until IS NULL OR claimed_until <= $4) RETURNING ${UPLOAD}) SELECT * FROM one`;
    const rows = await this.query<UploadRow>(`upload ${id}`, sql, [id, claim, new Date(until), this.#now]);
    return rows[0] && toUpload(rows[0]);
  }

  async renew(id: string, claim: string, change: { until: number; attempt?: string }): Promise<boolean> {
    const sql = `WITH one AS (UPDATE upload SET claimed_until = $3, attempt = coalesce($4, attempt)
      WHERE id = $1 AND claim = $2 AND state = 'open' RETURNING 1) SELECT 1 FROM one`;
    const parameters = [id, claim, new Date(change.until), change.attempt ?? null];
    return (await this.query(`upload ${id}`, sql, parameters)).length > 0;
  }

  async finish(id: string, claim: string, end: { state: 'done' | 'failed'; outcome: string }): Promise<boolean> {
    const sql = `WITH one AS (UPDATE upload SET state = $3, outcome = $4, claimed_until = NULL
      WHERE id = $1 AND claim = $2 AND state = 'open' RETURNING 1) SELECT 1 FROM one`;
    return (await this.query(`upload ${id}`, sql, [id, claim, end.state, end.outcome])).length > 0;
  }

  async forgetSegments(id: string): Promise<void> {
    await this.query(`upload ${id}`, 'DELETE FROM upload_segment WHERE upload_id = $1', [id]);
  }

  async delete(id: string): Promise<UploadRecord | undefined> {
    const sql = `WITH one AS (DELETE FROM upload WHERE id = $1 RETURNING ${UPLOAD}) SELECT * FROM one`;
    const rows = await this.query<UploadRow>(`upload ${id}`, sql, [id]);
    return rows[0] && toUpload(rows[0]);
  }

  async due(limit: number): Promise<readonly UploadRecord[]> {
    const sql = `SELECT ${UPLOAD} FROM upload u WHERE (claimed_until IS NULL OR claimed_until <= $1)
      AND (expires_at <= $1 OR (state <> 'open' AND EXISTS (SELECT 1 FROM upload_segment s WHERE s.upload_id = u.id)))
      ORDER BY coalesce(claimed_until, expires_at) LIMIT $2`;
    return (await this.query<UploadRow>('uploads', sql, [this.#now, limit])).map(toUpload);
  }

  async putOff(id: string, until: number): Promise<void> {
    const sql = 'UPDATE upload SET claimed_until = $2 WHERE id = $1 AND (claimed_until IS NULL OR claimed_until <= $3)';
    await this.query(`upload ${id}`, sql, [id, new Date(until), this.#now]);
  }

  async reserved(bucketId: BucketId): Promise<{ readonly objects: number; readonly bytes: number }> {
    const sql = `SELECT count(*) AS objects, coalesce(sum(size), 0) AS bytes FROM upload
      WHERE bucket_id = $1 AND state = 'open' AND received < size AND expires_at > $2`;
    const [row] = await this.query<{ objects: string; bytes: string }>('uploads', sql, [bucketId, this.#now]);
    return { objects: Number(row?.objects ?? 0), bytes: Number(row?.bytes ?? 0) };
  }

  async listSegments(limit: number, after?: StoredSegment): Promise<readonly StoredSegment[]> {
    const sql = `SELECT ${SEGMENT} FROM ${SEGMENTS} WHERE $1::uuid IS NULL OR (s.upload_id, s.start) > ($1, $2::bigint)
      ORDER BY s.upload_id, s.start LIMIT $3`;
    const parameters = [after?.uploadId ?? null, after?.start ?? null, limit];
    return (await this.query<SegmentRow>('uploads', sql, parameters)).map(toSegment);
  }

  async replaceSegment({ uploadId, start, segment }: StoredSegment, by: string): Promise<boolean> {
    const sql = `WITH one AS (UPDATE upload_segment SET segment = $4 WHERE upload_id = $1 AND start = $2 AND segment = $3 RETURNING 1) SELECT 1 FROM one`;
    return (await this.query(`upload ${uploadId}`, sql, [uploadId, start, segment, by])).length > 0;
  }
}

function toUpload(row: UploadRow): UploadRecord {
  return {
    id: row.id,
    bucketId: row.bucket_id as BucketId,
    userId: row.user_id,
    wish: row.wish,
    size: Number(row.size),
    received: Number(row.received),
    state: row.state,
    ...(row.outcome === null ? {} : { outcome: row.outcome }),
    ...(row.attempt === null ? {} : { attempt: row.attempt }),
    createdAt: row.created_at.getTime(),
    expiresAt: row.expires_at.getTime(),
  };
}

function toSegment(row: SegmentRow): StoredSegment {
  return {
    uploadId: row.upload_id,
    bucketId: row.bucket_id as BucketId,
    start: Number(row.start),
    segment: row.segment,
  };
}
