import type { MigrationInterface, QueryRunner } from 'typeorm';

const STATEMENTS = [
  `CREATE TABLE webhook (
     id uuid PRIMARY KEY,
     url text NOT NULL,
     events text[] NOT NULL,
     bucket text COLLATE "C",
     prefix text COLLATE "C",
     insecure boolean NOT NULL,
     disabled boolean NOT NULL,
     secret text NOT NULL,
     created_at timestamptz(3) NOT NULL
   )`,
  // Streams that are being listened to; their rows outlive a dead process by seconds.
  `CREATE TABLE event_listener (
     id uuid PRIMARY KEY,
     events text[] NOT NULL,
     bucket text COLLATE "C",
     prefix text COLLATE "C",
     expires_at timestamptz(3) NOT NULL
   )`,
  `CREATE TABLE event (
     id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     at timestamptz(3) NOT NULL,
     type text NOT NULL,
     bucket text COLLATE "C",
     key text COLLATE "C",
     data jsonb NOT NULL
   )`,
  `CREATE INDEX event_at ON event (at)`,
  `CREATE TABLE event_delivery (
     id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     webhook_id uuid NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
     event_id bigint NOT NULL REFERENCES event (id) ON DELETE CASCADE,
     state text NOT NULL CHECK (state IN ('pending', 'dead')),
     attempts integer NOT NULL,
     next_at timestamptz(3) NOT NULL,
     last_error text
   )`,
  `CREATE INDEX event_delivery_due ON event_delivery (webhook_id, next_at) WHERE state = 'pending'`,
  `CREATE INDEX event_delivery_event ON event_delivery (event_id)`,
];

/** Events, and whom they are to be told. */
export class Events0007 implements MigrationInterface {
  readonly name = 'Events0007_1763700000007';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['event_delivery', 'event', 'event_listener', 'webhook'])
      await runner.query(`DROP TABLE ${table}`);
  }
}
