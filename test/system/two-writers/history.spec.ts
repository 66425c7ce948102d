import { describe, expect, it } from '@jest/globals';
import { outcomesOf, type Seen, type Step } from './history.js';

const value = (content: string): Seen => ({ content, color: 'red' });
const put = (content: string, began: number, ended: number): Step => ({
  what: `put ${content}`,
  began,
  ended,
  apply: () => value(content),
});
const read = (content: string, began: number, ended: number): Step => ({
  what: `read ${content}`,
  began,
  ended,
  apply: (before) => (before?.content === content ? before : 'impossible'),
});

describe('what an object may be after concurrent operations', () => {
  it('is the later of two that followed each other', () => {
    const clients = [[put('a', 1, 2)], [put('b', 3, 4)]];
    expect(outcomesOf({ from: [null], clients, unknown: [] })).toEqual([value('b')]);
  });

  it('is either of two that overlapped', () => {
    const clients = [[put('a', 1, 3)], [put('b', 2, 4)]];
    const outcomes = outcomesOf({ from: [null], clients, unknown: [] });
    expect(outcomes).toHaveLength(2);
    expect(outcomes).toEqual(expect.arrayContaining([value('a'), value('b')]));
  });

  it('is the one that a later read saw', () => {
    const clients = [[put('a', 1, 3), read('a', 5, 6)], [put('b', 2, 4)]];
    expect(outcomesOf({ from: [null], clients, unknown: [] })).toEqual([value('a')]);
  });

  it('is nothing where a read saw what had been overwritten before it began', () => {
    const clients = [[put('a', 1, 2), put('b', 3, 4)], [read('a', 5, 6)]];
    expect(outcomesOf({ from: [null], clients, unknown: [] })).toEqual([]);
  });

  it('may be that of an unknown write at any later time, or not', () => {
    const outcomes = outcomesOf({ from: [null], clients: [[put('a', 5, 6)]], unknown: [put('b', 1, 2)] });
    expect(outcomes).toHaveLength(2);
    expect(
      outcomesOf({ from: [null], clients: [[put('a', 1, 2), read('b', 9, 10)]], unknown: [put('b', 3, 4)] }),
    ).toEqual([value('b')]);
    expect(outcomesOf({ from: [null], clients: [[read('b', 1, 2)]], unknown: [put('b', 3, 4)] })).toEqual([]);
  });
});
