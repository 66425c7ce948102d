import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { withoutCredentials } from '../src/backends/credentials.js';

const told = (message: string, ...secrets: readonly string[]): string =>
  withoutCredentials(message, Object.fromEntries(secrets.map((value, at) => [`secret${String(at)}`, value])));

describe('a message without credentials', () => {
  it('shows none of eight characters or more, wherever it stands and whatever it is made of', () => {
    const secret = fc.string({ minLength: 8, maxLength: 40, unit: 'grapheme' });
    fc.assert(
      fc.property(secret, fc.string(), fc.string(), (value, before, after) => {
        fc.pre(!'[secret]'.includes(value) && !value.includes('[secret]'));
        const rest = told(`${before}${value}${after}`, value);
        expect(rest).toContain('[secret]');
        expect(told(`(${value})`, value)).toBe('([secret])');
      }),
    );
  });

  it('shows no short one where it stands for itself, and keeps the words that hold it', () => {
    expect(told('access denied for key "acc": acc is unknown', 'acc')).toBe(
      'access denied for key "[secret]": [secret] is unknown',
    );
    expect(told('the secret of a bucket, a=1', 'a', 'secret')).toBe('the [secret] of [secret] bucket, [secret]=1');
    expect(told('pass $.* and (x', '$.*', '(x')).toBe('pass [secret] and [secret]');
  });

  it('hides all of the longer of two that begin alike, and nothing twice', () => {
    expect(told('topsecret-key-and-more', 'topsecret-key', 'topsecret-key-and-more')).toBe('[secret]');
    expect(told('wrong: ', '')).toBe('wrong: ');
  });
});
