import { readdir } from 'node:fs/promises';
import type { Dirent } from 'node:fs';
import { codeOf } from './errors.js';
import { fanOf, isId } from './ids.js';
import { parseStagedName } from './layout.js';
import type { Place } from './place.js';
import type { Trailer } from './format.js';
import { isBodyWhole, readFacts } from './read.js';
import { closeFile, openToRead } from './syscalls.js';

/** Files read at once: a scan may be long, and must leave the thread pool to others. */
const AT_ONCE = 8;

/** One file of a container. No trailer: a write that has not finished, or never will. */
export interface ScannedFile {
  readonly name: string;
  readonly trailer: Trailer | undefined;
  readonly size: number;
}

async function readFile(fan: string, name: string): Promise<ScannedFile | undefined> {
  const unfinished = { name, trailer: undefined, size: 0 };
  if (!isId(name)) return parseStagedName(name) === undefined ? undefined : unfinished;
  let fd: number;
  try {
    fd = await openToRead(`${fan}/${name}`);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined; // removed since the directory was read
    throw error;
  }
  try {
    const facts = await readFacts(fd);
    if (facts === undefined || !isBodyWhole(facts)) return unfinished;
    return { name, trailer: facts.trailer, size: facts.footer.bodyLength };
  } finally {
    await closeFile(fd);
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

/** The fan-out directories of a container. Fails with ENOENT if there is no container. */
export async function fansOf(place: Place, container: string): Promise<string[]> {
  const directory = place.layout.container(container);
  const entries = await entriesOf(directory, 'fails');
  return entries
    .filter((entry) => entry.isDirectory() && /^[0-9a-f]{2}$/.test(entry.name))
    .map((entry) => `${directory}/${entry.name}`);
}

/**
 * Every file of a container, in no order. The slow path: it opens each file, about 50 µs each in cache, so it serves recovery and deletion, not
 * requests. Symbolic links and files of others are passed over.
 */
export async function* scanContainer(place: Place, container: string): AsyncGenerator<ScannedFile> {
  for (const fan of await fansOf(place, container)) {
    const entries = await entriesOf(fan, 'is-empty');
    const names = entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
    for (let at = 0; at < names.length; at += AT_ONCE) {
      const read = await Promise.all(names.slice(at, at + AT_ONCE).map((name) => readFile(fan, name)));
      yield* read.filter((file) => file !== undefined);
    }
  }
}

/** The newest write of a key, by scanning: ids sort by age. Undefined if there is none. */
export async function findNewest(place: Place, container: string, key: string): Promise<string | undefined> {
  let newest: string | undefined;
  for await (const { name, trailer } of scanContainer(place, container))
    if (trailer?.key === key && (newest === undefined || name > newest)) newest = name;
  return newest;
}

/** The path of an unfinished write that a listing showed; undefined if the token is none of ours. */
export function pathOfUpload(place: Place, container: string, token: string): string | undefined {
  const id = isId(token) ? token : parseStagedName(token)?.id;
  return id === undefined ? undefined : `${place.layout.container(container)}/${fanOf(id)}/${token}`;
}
