import { describe, expect, it } from '@jest/globals';
import { newWriteId, randomHex } from '../src/runtime/ids.js';

describe('the ids of writes', () => {
  it('are all different, also beyond the random bytes that are asked for at a time, and begin with their time', () => {
    const now = Date.UTC(2026, 10, 22);
    const ids = Array.from({ length: 1_000 }, () => newWriteId(now));
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/);
    expect(ids.every((id) => parseInt(id.slice(0, 12), 16) === now)).toBe(true);
    expect(new Set(ids.map((id) => id.slice(12))).size).toBe(ids.length);
    expect(newWriteId(now - 1) < newWriteId(now)).toBe(true);
  });

  it('leave the random digits of others alone', () => {
    expect(randomHex(4)).toMatch(/^[0-9a-f]{8}$/);
    expect(randomHex(8)).not.toBe(randomHex(8));
  });
});
