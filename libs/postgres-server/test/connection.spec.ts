import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parsePostgresUrl, postgresUrl } from '#libs/postgres-server';

const text = fc.string({ unit: 'grapheme', minLength: 1 }).filter((value) => value.isWellFormed());
const host = fc.oneof(
  fc.constantFrom('db.example.com', '127.0.0.1', '/tmp/spumoni-abc', '/tmp/a b&c=d?e'),
  fc.domain(),
);

describe('Postgres URL', () => {
  it('reads back as the connection it was written from', () => {
    fc.assert(
      fc.property(host, fc.integer({ min: 1, max: 65_535 }), text, text, (server, port, user, password) => {
        const connection = { host: server, port, user, database: 'spumoni', password };
        expect(parsePostgresUrl(postgresUrl(connection))).toEqual(connection);
      }),
    );
  });

  it('refuses what it does not understand without quoting it', () => {
    const bad = [
      '',
      'hidden',
      'mysql://u:hidden@h/d',
      'postgresql://u:hidden@h',
      'postgresql://h/hidden',
      'postgresql://u:hidden@h/d?sslmode=prefer',
      'postgresql://u:hidden@h/d?sslcert=hidden',
      'postgresql://u:hidden@h/d?sslmode=verify-full&sslrootcert=/nowhere/hidden',
      'postgresql://u:hidden@h/d?host=/tmp/hidden&sslmode=require',
    ];
    for (const url of bad) {
      expect(() => parsePostgresUrl(url)).toThrow(/Postgres URL/);
      expect(() => parsePostgresUrl(url)).not.toThrow(/hidden/);
    }
  });
});
