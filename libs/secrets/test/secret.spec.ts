import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { inspect } from 'node:util';
import { generateAccessKey, redact, Secret } from '#libs/secrets';

const hidden = fc.string({ minLength: 12 }).map((text) => `s3cr3t-${text}`);

/** Everything a log line could make of a value. */
function allViews(value: Secret): string[] {
  const clone: unknown = structuredClone(value);
  const views: unknown[] = [
    JSON.stringify({ value }),
    value.toString(),
    ['', value].join(''),
    inspect(value, { depth: 9, showHidden: true }),
    inspect({ deep: { value } }, { depth: 9 }),
    Object.entries(value),
    clone,
    Object.assign({}, value),
  ];
  return views.map((view) =>
    typeof view === 'string' ? view : inspect(view, { depth: 9, showHidden: true }) + JSON.stringify(view),
  );
}

describe('Secret', () => {
  it('never shows its value by string, JSON, template, inspect, spread or clone', () => {
    fc.assert(
      fc.property(hidden, (text) => {
        for (const view of allViews(new Secret(text))) expect(view).not.toContain(text);
        expect(`${new Secret(text).toString()} and ${String(new Secret(text))}`).toBe('[secret] and [secret]');
        expect(JSON.stringify(new Secret(text))).toBe('"[secret]"');
      }),
    );
  });

  it('reveals exactly what it was given, text or bytes, and keeps it from outside changes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.uint8Array(), (text, bytes) => {
        expect(new Secret(text).reveal()).toBe(text);
        const given = Uint8Array.from(bytes);
        const secret = new Secret(given);
        given.fill(0);
        secret.revealBytes().fill(0);
        expect(secret.revealBytes()).toEqual(Uint8Array.from(bytes));
      }),
    );
  });

  it('equals the same value alone', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (one, other) => {
        expect(new Secret(one).equals(new Secret(one))).toBe(true);
        expect(new Secret(one).equals(other)).toBe(one === other);
      }),
    );
  });
});

describe('redact', () => {
  const names = [
    'secret',
    'password',
    'accountKey',
    'secretKey',
    'private_key',
    'Authorization',
    'sessionToken',
    'X-Amz-Security-Token',
    'serviceAccount',
    'externalAccount',
    'externalId',
    'sasToken',
    'proxyPassword',
    'access_token',
    'subject_token',
    'client_assertion',
    'client_secret',
    'set-cookie',
    'sasToken',
    'proxyPassword',
    'access_token',
  ];

  it('hides by name and by type, at any depth, and leaves the value as it was', () => {
    fc.assert(
      fc.property(hidden, fc.constantFrom(...names), fc.integer({ min: 0, max: 12 }), (text, name, depth) => {
        let value: unknown = { [name]: text, list: [new Secret(text)], map: new Map([[name, text]]), shown: 1 };
        for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? { inner: value } : [value];
        const before = inspect(value, { depth: 20 });
        expect(inspect(redact(value), { depth: 20 })).not.toContain(text);
        expect(inspect(value, { depth: 20 })).toBe(before);
      }),
    );
  });

  it('shows the rest, errors with their causes included, and survives circles', () => {
    const circle: Record<string, unknown> = { key: 'a/b', bytes: new Uint8Array(3) };
    circle['self'] = circle;
    expect(redact(circle)).toEqual({ key: 'a/b', bytes: '[3 bytes]', self: '[circular]' });
    const error = Object.assign(new Error('outer', { cause: new Error('inner') }), { password: 'p', code: 'X' });
    expect(redact({ error })).toMatchObject({
      error: { message: 'outer', code: 'X', password: '[secret]', cause: { message: 'inner' } },
    });
    expect(redact(JSON.parse('{"__proto__": {"password": "x"}}'))).toEqual(
      JSON.parse('{"__proto__": {"password": "[secret]"}}'),
    );
  });
});

describe('generateAccessKey', () => {
  it('gives an id of 20 upper-case letters and digits and a secret of 40 characters, never the same twice', () => {
    const keys = Array.from({ length: 500 }, generateAccessKey);
    for (const { accessKeyId, secret } of keys) {
      expect(accessKeyId).toMatch(/^[A-Z0-9]{20}$/);
      expect(secret.reveal()).toMatch(/^[A-Za-z0-9_-]{40}$/);
    }
    expect(new Set(keys.flatMap((key) => [key.accessKeyId, key.secret.reveal()])).size).toBe(1_000);
  });
});
