import { lstat, readFile, realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { ObjectAttributes, ObjectHead } from '../../object-backend.js';
import { BackendError } from '../../errors.js';
import { DEFAULT_CLASS } from '../capabilities.js';
import { codeOf } from '../errors.js';
import type { Place } from '../place.js';
import { plainToken, type PlainLayout } from './plain-layout.js';

/** The file that stands for a key now. */
export interface StandingFile {
  readonly path: string;
  readonly token: string;
  readonly size: number;
  readonly modified: Date;
  readonly mode: number;
}

/** One object's name in a plain container. */
export interface PlainKey {
  readonly layout: PlainLayout;
  readonly container: string;
  readonly key: string;
}

const NOTHING_THERE = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP']);

const strings = z.record(z.string(), z.string());
const stored = z.object({
  key: z.string(),
  attributes: z.object({
    headers: strings,
    metadata: strings,
    tags: strings,
    storageClass: z.string().optional(),
    writeId: z.string().optional(),
  }),
});

/** What Spumoni wrote beside a file. */
export interface StoredAttributes {
  readonly key: string;
  readonly attributes: ObjectAttributes;
}

export function absent(place: Place): BackendError {
  return new BackendError('not-found', 'no such object', { backend: place.name });
}

/** True if no part of the way from the container to the directory is a symbolic link. */
export async function isInside(layout: PlainLayout, directory: string): Promise<boolean> {
  const [root, real] = await Promise.all([realpath(layout.root), realpath(directory)]);
  return real === root + directory.slice(layout.root.length);
}

/** The regular file at a path, reached through directories alone: a symbolic link, wherever on the way, leads to nothing. */
export async function fileAt(layout: PlainLayout, path: string): Promise<StandingFile | undefined> {
  try {
    const facts = await lstat(path, { bigint: true });
    if (!facts.isFile() || !(await isInside(layout, dirname(path)))) return undefined;
    const { size, mtimeMs, mode } = facts;
    const modified = new Date(Number(mtimeMs));
    return { path, token: plainToken(facts), size: Number(size), modified, mode: Number(mode) & 0o777 };
  } catch (error) {
    if (NOTHING_THERE.has(codeOf(error) ?? '')) return undefined;
    throw error;
  }
}

/** What stands for a key: a file at the path that it spells, else one of Spumoni's where no path can. */
export async function standing({ layout, key }: PlainKey): Promise<StandingFile | undefined> {
  const path = layout.fileOf(key);
  const atPath = path === undefined ? undefined : await fileAt(layout, path);
  return atPath ?? (await fileAt(layout, layout.oddFileOf(key)));
}

/** The attributes that were stored with a write; undefined for a file that others wrote, or changed since. */
export async function storedAttributes(path: string): Promise<StoredAttributes | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { key, attributes } = stored.parse(JSON.parse(text));
    const { headers, metadata, tags, storageClass, writeId } = attributes;
    const optional = {
      ...(storageClass === undefined ? {} : { storageClass }),
      ...(writeId === undefined ? {} : { writeId }),
    };
    return { key, attributes: { headers, metadata, tags, ...optional } };
  } catch (cause) {
    throw new BackendError('integrity', 'the attributes beside a file are damaged', { cause });
  }
}

/** What is told of a file that stands for a key. */
export async function headOfPlain(
  { layout, container, key }: PlainKey,
  file: StandingFile,
  withTags: boolean,
): Promise<ObjectHead> {
  const found = await storedAttributes(layout.attributesOf(key, file.token));
  const { headers = {}, metadata = {}, tags = {}, storageClass, writeId } = found?.attributes ?? {};
  return {
    container,
    key,
    token: file.token,
    vendorEtag: file.token,
    size: file.size,
    lastModified: file.modified,
    storageClass: storageClass ?? DEFAULT_CLASS,
    headers,
    metadata,
    ...(withTags ? { tags } : {}),
    ...(writeId === undefined ? {} : { writeId }),
  };
}
