import type { Dirent } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import type { ListedEntry } from '../../object-backend.js';
import { DEFAULT_CLASS } from '../capabilities.js';
import { codeOf } from '../errors.js';
import { compareUtf8 } from '../utf8-order.js';
import { OWN_DIRECTORY, type PlainLayout } from './plain-layout.js';
import { fileAt, storedAttributes, type StandingFile } from './plain-standing.js';

/** What of a directory's tree is walked: keys that begin so, after one of them. */
export interface Stretch {
  readonly prefix: string;
  readonly after: string | undefined;
}

interface Named {
  readonly name: string;
  readonly isDirectory: boolean;
  /** Why this is no object; absent where it may be one. */
  readonly reason?: string;
}

function kindOf(entry: Dirent<Buffer>): string | undefined {
  if (entry.isFile() || entry.isDirectory()) return undefined;
  if (entry.isSymbolicLink()) return 'a symbolic link: it is left alone, and not followed';
  if (entry.isSocket()) return 'a socket';
  if (entry.isFIFO()) return 'a pipe';
  return 'a device';
}

function named(entry: Dirent<Buffer>): Named {
  const name = entry.name.toString();
  const isDirectory = entry.isDirectory();
  const reason = Buffer.from(name).equals(entry.name) ? kindOf(entry) : 'its name is not UTF-8';
  return { name, isDirectory: isDirectory && reason === undefined, ...(reason === undefined ? {} : { reason }) };
}

/** In the order of the keys beneath: a directory stands where its name with the slash does. */
function inKeyOrder(entries: readonly Dirent<Buffer>[]): Named[] {
  const place = ({ name, isDirectory }: Named): string => (isDirectory ? `${name}/` : name);
  return entries.map(named).sort((left, right) => compareUtf8(place(left), place(right)));
}

function foreign(key: string, reason: string): ListedEntry {
  return { kind: 'foreign', key, token: '', size: 0, reason };
}

function objectOf(key: string, { token, size, modified }: StandingFile): ListedEntry {
  return { kind: 'object', key, token, size, lastModified: modified, vendorEtag: token, storageClass: DEFAULT_CLASS };
}

/** False if no key that begins so is wanted. */
function mayHold(directoryKey: string, { prefix, after }: Stretch): boolean {
  if (!directoryKey.startsWith(prefix) && !prefix.startsWith(directoryKey)) return false;
  return after === undefined || after.startsWith(directoryKey) || compareUtf8(directoryKey, after) > 0;
}

function isWanted(key: string, { prefix, after }: Stretch): boolean {
  return key.startsWith(prefix) && (after === undefined || compareUtf8(key, after) > 0);
}

/** A directory's entries; those of one that was removed meanwhile are none, and of one that may not be read nobody can tell. */
async function entriesOf(path: string): Promise<Named[] | 'denied'> {
  try {
    return inKeyOrder(await readdir(path, { withFileTypes: true, encoding: 'buffer' }));
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return [];
    if (codeOf(error) === 'EACCES') return 'denied';
    throw error;
  }
}

async function* walkDirectory(layout: PlainLayout, above: string, stretch: Stretch): AsyncGenerator<ListedEntry> {
  const entries = await entriesOf(above === '' ? layout.root : `${layout.root}/${above.slice(0, -1)}`);
  if (entries === 'denied') {
    if (isWanted(above, stretch)) yield foreign(above, 'a directory that may not be read');
    return;
  }
  for (const { name, isDirectory, reason } of entries) {
    const key = above + name;
    if (isDirectory) {
      if (key !== OWN_DIRECTORY && mayHold(`${key}/`, stretch)) yield* walkDirectory(layout, `${key}/`, stretch);
      continue;
    }
    if (!isWanted(key, stretch)) continue;
    if (reason !== undefined) {
      yield foreign(key, reason);
      continue;
    }
    const file = layout.fileOf(key) === undefined ? undefined : await fileAt(layout, `${layout.root}/${key}`);
    if (file !== undefined) yield objectOf(key, file);
    else if (layout.fileOf(key) === undefined) yield foreign(key, 'a path longer than a key may be');
  }
}

/** The objects whose keys no path spells, in the order of their keys: all of them in memory, as folders mostly are few. */
async function oddObjects(layout: PlainLayout, stretch: Stretch): Promise<ListedEntry[]> {
  const found: ListedEntry[] = [];
  for (const start of await readdir(layout.odd)) {
    for (const hash of await readdir(`${layout.odd}/${start}`)) {
      const file = await fileAt(layout, `${layout.odd}/${start}/${hash}`);
      const known = file && (await storedAttributes(layout.attributesOfHash(hash, file.token)));
      if (!file || !known || !isWanted(known.key, stretch)) continue;
      if (await isShadowed(layout, known.key)) continue;
      found.push(objectOf(known.key, file));
    }
  }
  return found.sort((left, right) => compareUtf8(left.key, right.key));
}

/** A file that others put at the path since stands for the key. */
async function isShadowed(layout: PlainLayout, key: string): Promise<boolean> {
  const path = layout.fileOf(key);
  return path !== undefined && (await fileAt(layout, path)) !== undefined;
}

/**
 * Every object of a plain container, and everything else that lies there, in the order of UTF-8 bytes. Symbolic links are not followed. A directory's names are in memory while it is walked.
 * Fails with ENOENT if there is no container.
 */
export async function* walkPlain(layout: PlainLayout, stretch: Stretch): AsyncGenerator<ListedEntry, undefined> {
  await lstat(layout.root);
  const odd = await oddObjects(layout, stretch);
  let next = odd.shift();
  for await (const entry of walkDirectory(layout, '', stretch)) {
    for (; next !== undefined && compareUtf8(next.key, entry.key) < 0; next = odd.shift()) yield next;
    yield entry;
  }
  for (; next !== undefined; next = odd.shift()) yield next;
}
