import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLE = [
  `CREATE TABLE audit (
     id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     at timestamptz(3) NOT NULL,
     actor_id text,
     actor text,
     access_key text,
     action text NOT NULL,
     resource text NOT NULL,
     remote_address text,
     forwarded_for text,
     request_id text,
     result text NOT NULL CHECK (result IN ('begun', 'done', 'refused', 'failed')),
     status integer,
     code text,
     count integer NOT NULL CHECK (count > 0),
     details jsonb NOT NULL,
     settled_at timestamptz(3)
   )`,
  `CREATE INDEX audit_at ON audit (at)`,
  `CREATE INDEX audit_actor ON audit (actor, id)`,
  `CREATE INDEX audit_action ON audit (action, id)`,
];

/**
 * The database itself keeps the log: what has been settled stays as it is, what was begun can only be settled, and nothing younger than a day can be deleted.
 * Whoever owns the table can lift this; a defect of ours, or a stolen key of the API, cannot.
 */
const KEEPING = [
  `CREATE FUNCTION keep_audit() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     IF TG_OP = 'TRUNCATE' THEN
       RAISE EXCEPTION 'the audit log is append only';
     END IF;
     IF TG_OP = 'DELETE' THEN
       IF OLD.at > now() - interval '1 day' THEN
         RAISE EXCEPTION 'audit records younger than a day stay';
       END IF;
       RETURN OLD;
     END IF;
     IF OLD.result <> 'begun'
        OR (OLD.id, OLD.at, OLD.actor_id, OLD.actor, OLD.access_key, OLD.action, OLD.remote_address, OLD.forwarded_for, OLD.request_id, OLD.resource, OLD.count)
           IS DISTINCT FROM
           (NEW.id, NEW.at, NEW.actor_id, NEW.actor, NEW.access_key, NEW.action, NEW.remote_address, NEW.forwarded_for, NEW.request_id, NEW.resource, NEW.count) THEN
       RAISE EXCEPTION 'the audit log is append only';
     END IF;
     RETURN NEW;
   END $$`,
  `CREATE TRIGGER keep_audit BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION keep_audit()`,
  `CREATE TRIGGER keep_audit_whole BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION keep_audit()`,
];

/** The audit log. */
export class Audit0005 implements MigrationInterface {
  readonly name = 'Audit0005_1763700000005';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...TABLE, ...KEEPING]) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE audit');
    await runner.query('DROP FUNCTION keep_audit');
  }
}
