import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { findIn, type Needle } from './needles.js';

const CHUNK = 8 * 1024 * 1024;

/** Looks for the needles in every file below a directory, and in the names of the files. Answers where each was found, and how much was read. */
export async function searchFiles(
  directory: string,
  needles: readonly Needle[],
): Promise<{ found: string[]; files: number; bytes: number }> {
  const found: string[] = [];
  let files = 0;
  let bytes = 0;
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    for (const what of findIn(Buffer.from(path), needles)) found.push(`${what} in the name ${path}`);
    if (!entry.isFile()) continue;
    files += 1;
    const one = await searchFile(path, needles);
    bytes += one.bytes;
    found.push(...one.found.map((what) => `${what} in ${path}`));
  }
  return { found, files, bytes };
}

/** In pieces that overlap, so that nothing is missed between two. */
async function searchFile(path: string, needles: readonly Needle[]): Promise<{ found: string[]; bytes: number }> {
  const overlap = Math.max(...needles.flatMap(({ forms }) => forms.map((form) => form.bytes.length)));
  const found = new Set<string>();
  const buffer = Buffer.alloc(CHUNK + overlap);
  const file = await open(path);
  let bytes = 0;
  try {
    for (let position = 0; ; position += CHUNK) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
      for (const what of findIn(buffer.subarray(0, bytesRead), needles)) found.add(what);
      bytes += Math.min(bytesRead, CHUNK);
      if (bytesRead < buffer.length) return { found: [...found], bytes };
    }
  } finally {
    await file.close();
  }
}
