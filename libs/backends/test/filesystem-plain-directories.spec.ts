import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DirectorySync } from '../src/filesystem/directory-sync.js';
import { PlainDirectories } from '../src/filesystem/plain/plain-directories.js';

let root: string;
let synced: string[];
let held: Promise<void>;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'spumoni-directories-'));
  synced = [];
  held = Promise.resolve();
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function directories(): PlainDirectories {
  return new PlainDirectories(
    new DirectorySync(async (directory) => {
      await held;
      synced.push(directory);
    }),
  );
}

const below = (...names: string[]): string => join(root, ...names);

describe('directories of a plain container', () => {
  it('are made down from the container, each one synced into the one above', async () => {
    await directories().make(root, below('a', 'b', 'c'));
    expect(statSync(below('a', 'b', 'c')).isDirectory()).toBe(true);
    expect(new Set(synced)).toEqual(new Set([root, below('a'), below('a', 'b')]));
  });

  it('are synced also where others made them, and then remembered', async () => {
    mkdirSync(below('a', 'b'), { recursive: true });
    const made = directories();
    await made.make(root, below('a', 'b'));
    expect(synced.toSorted()).toEqual([root, below('a')]);
    await made.make(root, below('a', 'b'));
    expect(synced).toHaveLength(2);
  });

  it('are awaited by a writer that finds them made by another, who has not synced them yet', async () => {
    let syncNow = (): void => undefined;
    held = new Promise((resolve) => (syncNow = resolve));
    const made = directories();
    const outcomes: string[] = [];
    const first = made.make(root, below('a')).then(() => outcomes.push(`first after ${synced.length} syncs`));
    const second = made.make(root, below('a')).then(() => outcomes.push(`second after ${synced.length} syncs`));
    syncNow();
    await Promise.all([first, second]);
    expect(outcomes).toHaveLength(2);
    expect(outcomes.every((outcome) => !outcome.endsWith(' 0 syncs'))).toBe(true);
  });

  it('are made and synced again where they were removed meanwhile', async () => {
    const made = directories();
    await made.make(root, below('a', 'b'));
    rmSync(below('a'), { recursive: true });
    synced.length = 0;
    await made.make(root, below('a', 'b'));
    expect(statSync(below('a', 'b')).isDirectory()).toBe(true);
    expect(new Set(synced)).toEqual(new Set([root, below('a')]));
  });

  it('fail with what is in the way', async () => {
    await expect(directories().make(below('gone'), below('gone', 'a'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
