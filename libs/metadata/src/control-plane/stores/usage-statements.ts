import type { UsageDimension } from '../usage-records.js';

/** The name of each dimension, in statements where `b` is a bucket, `s` its storage, `k` a backend and `u` a user. What has gone keeps its id for a name. */
const NAME_NOW: Readonly<Record<UsageDimension, string>> = {
  bucket: 'b.name',
  tier: `coalesce(nullif(coalesce(s.tier, b.policy), ''), '(none)')`,
  backend: 'coalesce(k.name, s.backend_id::text, b.backend_id::text)',
  owner: 'coalesce(u.name, b.owner_id::text)',
};

/** `$1` after, `$2` how many names, `$3` the owner or null. */
export function storageNow(by: UsageDimension): string {
  return `WITH counted AS (
      SELECT ${NAME_NOW[by]} COLLATE "C" AS name, coalesce(s.backend_id, b.backend_id) AS backend, s.storage_class, s.objects, s.bytes,
             s.billed_bytes, s.counted_at
      FROM bucket b
      LEFT JOIN usage_storage s ON s.bucket_id = b.id AND s.day = (SELECT max(day) FROM usage_storage l WHERE l.bucket_id = b.id)
      LEFT JOIN backend k ON k.id = coalesce(s.backend_id, b.backend_id)
      LEFT JOIN "user" u ON u.id = b.owner_id
      WHERE $3::uuid IS NULL OR b.owner_id = $3
    ), names AS (SELECT DISTINCT name FROM counted WHERE name > $1 OR $1 IS NULL ORDER BY name LIMIT $2)
    SELECT name, backend, storage_class AS "storageClass", coalesce(sum(objects), 0) AS objects, coalesce(sum(bytes), 0) AS bytes,
           coalesce(sum(billed_bytes), 0) AS "billedBytes", min(counted_at) AS "countedAt",
           count(*) FILTER (WHERE counted_at IS NULL) AS uncounted
    FROM counted JOIN names USING (name) GROUP BY name, backend, storage_class ORDER BY name`;
}

const SUMS = ['reads', 'writes', 'lists', 'bytes_in', 'bytes_out']
  .map((column) => `sum(r.${column}) AS ${column}`)
  .join();

/** `$1` first day, `$2` names, `$3` the owner or null. Those of a tier are of the buckets whose policy it is. */
export function requestsSince(by: UsageDimension): string {
  if (by === 'backend')
    return `SELECT k.name, k.id AS backend, ${SUMS} FROM usage_requests r JOIN backend k ON k.id = r.subject_id
      WHERE r.scope = 'backend' AND r.day >= $1::date AND k.name = ANY($2) AND $3::uuid IS NULL GROUP BY k.name, k.id`;
  const name = by === 'tier' ? `coalesce(b.policy, '(none)')` : NAME_NOW[by];
  return `SELECT ${name} AS name, b.backend_id AS backend, ${SUMS}
    FROM usage_requests r JOIN bucket b ON b.id = r.subject_id LEFT JOIN "user" u ON u.id = b.owner_id
    WHERE r.scope = 'bucket' AND r.day >= $1::date AND ${name} = ANY($2) AND ($3::uuid IS NULL OR b.owner_id = $3) GROUP BY 1, 2`;
}

const STORED_NAME: Readonly<Record<UsageDimension, string>> = {
  bucket: 's.bucket',
  tier: `coalesce(nullif(s.tier, ''), '(none)')`,
  backend: 'coalesce(k.name, s.backend_id::text)',
  owner: 'coalesce(u.name, s.owner_id::text)',
};
const ASKED_NAME: Readonly<Record<UsageDimension, string>> = {
  bucket: 'r.subject',
  tier: `coalesce(nullif(r.tier, ''), '(none)')`,
  backend: 'r.subject',
  owner: 'coalesce(u.name, r.owner_id::text)',
};

/** `$1` name or null, `$2` first day, `$3` last, `$4` after, `$5` how many, `$6` the owner or null. */
export function days(by: UsageDimension): string {
  const scope = by === 'backend' ? 'backend' : 'bucket';
  return `WITH stored AS (
      SELECT s.day, sum(s.objects) AS objects, sum(s.bytes) AS bytes
      FROM usage_storage s LEFT JOIN backend k ON k.id = s.backend_id LEFT JOIN "user" u ON u.id = s.owner_id
      WHERE ($1::text IS NULL OR ${STORED_NAME[by]} = $1) AND ($6::uuid IS NULL OR s.owner_id = $6) GROUP BY s.day
    ), asked AS (
      SELECT r.day, ${SUMS} FROM usage_requests r LEFT JOIN "user" u ON u.id = r.owner_id
      WHERE r.scope = '${scope}' AND ($1::text IS NULL OR ${ASKED_NAME[by]} = $1) AND ($6::uuid IS NULL OR r.owner_id = $6) GROUP BY r.day
    )
    SELECT day::text, coalesce(objects, 0) AS objects, coalesce(bytes, 0) AS bytes, coalesce(reads, 0) AS reads,
           coalesce(writes, 0) AS writes, coalesce(lists, 0) AS lists, coalesce(bytes_in, 0) AS bytes_in, coalesce(bytes_out, 0) AS bytes_out
    FROM stored FULL JOIN asked USING (day)
    WHERE ($2::date IS NULL OR day >= $2::date) AND ($3::date IS NULL OR day <= $3::date) AND ($4::date IS NULL OR day > $4::date)
    ORDER BY day LIMIT $5`;
}

/** `$1` the day, `$2` names, `$3` … `$7` counts. In the order of ids, so that two processes never wait for each other in a circle. */
export function addRequests(scope: 'bucket' | 'backend'): string {
  const more = scope === 'bucket' ? `t.owner_id, coalesce(t.policy, '')` : 'NULL::uuid, NULL::text';
  return `INSERT INTO usage_requests (day, scope, subject_id, subject, owner_id, tier, reads, writes, lists, bytes_in, bytes_out)
    SELECT $1::date, '${scope}', t.id, t.name, ${more}, v.reads, v.writes, v.lists, v.bytes_in, v.bytes_out
    FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
         AS v (name, reads, writes, lists, bytes_in, bytes_out)
    JOIN ${scope} t ON t.name = v.name ORDER BY t.id
    ON CONFLICT (day, scope, subject_id) DO UPDATE SET
      subject = excluded.subject, owner_id = excluded.owner_id, tier = excluded.tier,
      reads = usage_requests.reads + excluded.reads, writes = usage_requests.writes + excluded.writes,
      lists = usage_requests.lists + excluded.lists, bytes_in = usage_requests.bytes_in + excluded.bytes_in,
      bytes_out = usage_requests.bytes_out + excluded.bytes_out`;
}
