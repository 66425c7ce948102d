import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { readInput } from '../src/index.js';

const wish = z.strictObject({
  name: z.string(),
  source: z.strictObject({ backend: z.string().optional() }).optional(),
});

describe('reading what a client sent', () => {
  it('gives what the schema makes of it', () => {
    expect(readInput(wish, { name: 'a' })).toEqual({ data: { name: 'a' } });
  });

  it('tells of each unknown field where it is, and which fields there are', () => {
    expect(readInput(wish, { name: 7, colour: 'red', source: { bakend: 'x', '': 1 } })).toEqual({
      violations: [
        { path: 'name', message: expect.stringContaining('expected string') },
        { path: 'source.bakend', message: 'unknown field; expected one of backend' },
        { path: 'source.', message: 'unknown field; expected one of backend' },
        { path: 'colour', message: 'unknown field; expected one of name, source' },
      ],
    });
    expect(readInput(z.strictObject({}), { after: 'x' })).toEqual({
      violations: [{ path: 'after', message: 'unknown field; expected none here' }],
    });
  });

  it('tells so much and no more, however much was sent', () => {
    const names = Array.from({ length: 40 }, (_, n) => `field${String(n)}`);
    const wide = z.strictObject(Object.fromEntries(names.map((name) => [name, z.string().optional()])));
    const sent = Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`unknown${String(n)}`, 'x']));
    const read = readInput(wide, sent);
    const violations = 'violations' in read ? read.violations : [];
    expect(violations).toHaveLength(10);
    expect(violations[0]?.message).toBe(`unknown field; expected one of ${names.slice(0, 30).join(', ')}, and 10 more`);
  });
});
