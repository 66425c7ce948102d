/**
 * The changes of a job's row, each one conditional statement. `WITH … SELECT` makes the driver answer the rows alone.
 * Heartbeats are written and compared by `clock_timestamp()`, the database's clock.
 */

/** $1 since when an end counts. Sums come as texts. */
export const FIGURES = `
WITH looked AS (
  SELECT type, state, updated_at, progress FROM job WHERE state IN ('planned', 'running')
  UNION ALL SELECT type, state, updated_at, progress FROM job WHERE state = 'paused'
  UNION ALL SELECT type, state, updated_at, progress FROM job WHERE state IN ('completed', 'failed', 'cancelled') AND updated_at > $1)
SELECT type, state, count(*)::integer AS jobs, min(updated_at) AS oldest,
  ${['objects', 'bytes']
    .flatMap((of) => ['total', 'done', 'failed'].map((name) => [of, name] as const))
    .map(([of, name]) => `sum((progress -> '${of}' ->> '${name}')::bigint) AS ${of}_${name}`)
    .join()}
FROM looked GROUP BY type, state`;

/** $1 id, $2 worker, $3 stale after (ms), $4 now. */
export const CLAIM = `
WITH claimed AS (
  UPDATE job SET state = 'running', fence = fence + 1, worker_id = $2, heartbeat_at = clock_timestamp(), updated_at = $4
  WHERE id = $1 AND (state = 'planned'
    OR (state = 'running' AND heartbeat_at <= clock_timestamp() - make_interval(secs => $3::double precision / 1000)))
  RETURNING fence)
SELECT fence FROM claimed`;

/** $1 id, $2 fence, $3 checkpoint, $4 progress, $5 failures to append, $6 how many are kept, $7 now, $8 whether the job has come further. A failure that is there already is not appended again: the object was tried again, or the answer to an earlier save was lost. */
export const SAVE = `
WITH saved AS (
  UPDATE job SET
    checkpoint = COALESCE($3::jsonb, checkpoint),
    progress = COALESCE($4::jsonb, progress),
    failures = CASE WHEN $5::jsonb IS NULL OR jsonb_array_length(failures) >= $6 THEN failures ELSE (
      SELECT COALESCE(jsonb_agg(failure ORDER BY place), '[]'::jsonb) FROM (
        SELECT failure, min(place) AS place
        FROM jsonb_array_elements(failures || $5::jsonb) WITH ORDINALITY AS every(failure, place)
        GROUP BY failure ORDER BY place LIMIT $6) AS kept) END,
    failed_attempts = CASE WHEN $8::boolean THEN 0 ELSE failed_attempts END,
    heartbeat_at = clock_timestamp(), updated_at = $7
  WHERE id = $1 AND fence = $2 AND state = 'running'
  RETURNING wish)
SELECT wish FROM saved`;

/** $1 id, $2 fence, $3 state, $4 error, $5 now. A pause that is no longer wished leaves the job running; one that became a wish to cancel cancels. */
export const SETTLE = `
WITH settled AS (
  UPDATE job SET
    state = CASE WHEN $3 = 'paused' AND wish = 'run' THEN 'running' WHEN $3 = 'paused' AND wish = 'cancel' THEN 'cancelled' ELSE $3 END,
    worker_id = CASE WHEN $3 = 'paused' AND wish = 'run' THEN worker_id END,
    error = $4, heartbeat_at = clock_timestamp(), updated_at = $5
  WHERE id = $1 AND fence = $2 AND state = 'running'
  RETURNING state)
SELECT state FROM settled`;

/** $1 id, $2 fence, $3 now, $4 how many attempts have failed by it. */
export const RELEASE = `
WITH released AS (
  UPDATE job SET
    state = CASE wish WHEN 'pause' THEN 'paused' WHEN 'cancel' THEN 'cancelled' ELSE 'planned' END,
    failed_attempts = failed_attempts + $4::integer, worker_id = NULL, updated_at = $3
  WHERE id = $1 AND fence = $2 AND state = 'running'
  RETURNING id)
SELECT id FROM released`;

/** $1 workers, $2 now. One that is to be cancelled is left to its next run, which ends it as it should. The fence stays: none of their writes finds the job running, until another claim has raised it. */
export const RELEASE_ALL_OF = `
WITH released AS (
  UPDATE job SET
    state = CASE wish WHEN 'pause' THEN 'paused' ELSE 'planned' END, worker_id = NULL, updated_at = $2
  WHERE state = 'running' AND wish <> 'cancel' AND worker_id = ANY($1)
  RETURNING id)
SELECT id FROM released`;

export type Request = 'pause' | 'resume' | 'cancel';

/** $1 id, $2 now. */
export const REQUEST: Readonly<Record<Request, string>> = {
  pause: `
WITH changed AS (
  UPDATE job SET wish = 'pause', state = CASE state WHEN 'planned' THEN 'paused' ELSE state END, updated_at = $2
  WHERE id = $1 AND state IN ('planned', 'running', 'paused') AND wish <> 'cancel'
  RETURNING id)
SELECT id FROM changed`,
  resume: `
WITH changed AS (
  UPDATE job SET wish = 'run', failed_attempts = 0, state = CASE state WHEN 'paused' THEN 'planned' ELSE state END, updated_at = $2
  WHERE id = $1 AND state IN ('planned', 'running', 'paused') AND wish <> 'cancel'
  RETURNING id)
SELECT id FROM changed`,
  cancel: `
WITH changed AS (
  UPDATE job SET wish = 'cancel', state = CASE WHEN state IN ('planned', 'paused') THEN 'cancelled' ELSE state END, updated_at = $2
  WHERE id = $1 AND state IN ('planned', 'running', 'paused', 'cancelled')
  RETURNING id)
SELECT id FROM changed`,
};

/** Why a request's condition did not hold. */
export const CONFLICT: Readonly<Record<Request, string>> = {
  pause: 'only a job that is planned, running or paused, and not being cancelled, can be paused',
  resume: 'only a job that is planned, running or paused, and not being cancelled, can be resumed',
  cancel: 'a job that completed or failed cannot be cancelled',
};
