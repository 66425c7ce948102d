import { readdir } from 'node:fs/promises';
import type { Dirent } from 'node:fs';
import { codeOf } from './errors.js';
import type { Trailer } from './format.js';
import { isId, periodStart, sliceStart } from './ids.js';
import { parseStagedName } from './layout.js';
import type { Place } from './place.js';
import { inspectFile, isBodyWhole } from './read.js';

/** Files read at once: a scan may be long, and must leave the thread pool to others. */
const AT_ONCE = 8;

/** One file of a container. No trailer: a write that has not finished, or never will, or whose bytes are damaged. */
export interface ScannedFile {
  readonly name: string;
  readonly path: string;
  readonly trailer: Trailer | undefined;
  /** Of one whose body alone is damaged. */
  readonly damagedKey?: string;
  readonly size: number;
}

/** A directory that stands for a stretch of time, and when that began, in milliseconds since 1970. */
export interface TimedDirectory {
  readonly name: string;
  readonly path: string;
  readonly start: number;
}

/** Reads what one file of a slice holds; undefined if it is not there, or not ours. A damaged body counts as unfinished unless `bodies` is `unchecked`. */
export async function readFile(
  slice: string,
  name: string,
  bodies: 'checked' | 'unchecked' = 'checked',
): Promise<ScannedFile | undefined> {
  const path = `${slice}/${name}`;
  if (!isId(name) && parseStagedName(name) === undefined) return undefined;
  try {
    const facts = isId(name) ? await inspectFile(path) : undefined;
    if (facts === undefined) return { name, path, trailer: undefined, size: 0 };
    if (bodies === 'checked' && !isBodyWhole(facts))
      return { name, path, trailer: undefined, damagedKey: facts.trailer.key, size: 0 };
    return { name, path, trailer: facts.trailer, size: facts.footer.bodyLength };
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined; // removed since the directory was read
    throw error;
  }
}

async function entriesOf(directory: string, gone: 'fails' | 'is-empty'): Promise<Dirent[]> {
  try {
    return await readdir(directory, { withFileTypes: true });
  } catch (error) {
    if (gone === 'is-empty' && codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function timed(
  parent: string,
  entries: readonly Dirent[],
  startOf: (name: string) => number | undefined,
): TimedDirectory[] {
  return entries.flatMap((entry) => {
    const start = entry.isDirectory() ? startOf(entry.name) : undefined;
    return start === undefined ? [] : [{ name: entry.name, path: `${parent}/${entry.name}`, start }];
  });
}

/** The periods of a container. Fails with ENOENT if there is no container. */
export async function periodsOf(place: Place, container: string): Promise<TimedDirectory[]> {
  const directory = place.layout.container(container);
  return timed(directory, await entriesOf(directory, 'fails'), periodStart);
}

/** The slices of a period. */
export async function slicesOf(period: TimedDirectory): Promise<TimedDirectory[]> {
  return timed(period.path, await entriesOf(period.path, 'is-empty'), (name) => sliceStart(period.name, name));
}

/** The names of the files in a slice. Symbolic links and files of others are passed over. */
export async function namesIn(slice: TimedDirectory): Promise<string[]> {
  const entries = await entriesOf(slice.path, 'is-empty');
  return entries
    .filter((entry) => entry.isFile() && (isId(entry.name) || parseStagedName(entry.name) !== undefined))
    .map((entry) => entry.name);
}

/** Reads files of one slice, some at once. Those that are gone meanwhile are left out. */
export async function* readFiles(
  slice: TimedDirectory,
  names: readonly string[],
  bodies: 'checked' | 'unchecked' = 'checked',
): AsyncGenerator<ScannedFile> {
  for (let at = 0; at < names.length; at += AT_ONCE) {
    const read = await Promise.all(names.slice(at, at + AT_ONCE).map((name) => readFile(slice.path, name, bodies)));
    yield* read.filter((file) => file !== undefined);
  }
}

/**
 * Every file of a container, in no order. The slow path: it opens each file, about 50 µs each in cache, so it serves recovery and deletion, not requests.
 */
export async function* scanContainer(place: Place, container: string): AsyncGenerator<ScannedFile> {
  for (const period of await periodsOf(place, container))
    for (const slice of await slicesOf(period)) yield* readFiles(slice, await namesIn(slice));
}

/** The newest write of a key, by scanning: ids sort by age. Undefined if there is none. */
export async function findNewest(place: Place, container: string, key: string): Promise<string | undefined> {
  let newest: string | undefined;
  for await (const { name, trailer } of scanContainer(place, container))
    if (trailer?.key === key && (newest === undefined || name > newest)) newest = name;
  return newest;
}
