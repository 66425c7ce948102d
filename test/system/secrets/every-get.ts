import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Client } from '../client.js';

const DESCRIPTION = join(import.meta.dirname, '../../../openapi.yaml');

/** Streams that go on until the client ends them. */
const ENDLESS: ReadonlySet<string> = new Set(['/admin/v1/events']);

/** The paths of all GET routes that the description has, with their parameters replaced. Fails on a parameter that has no value here. */
export async function everyGet(values: (path: string, parameter: string) => string | undefined): Promise<string[]> {
  const description = parse(await readFile(DESCRIPTION, 'utf8')) as { paths: Record<string, Record<string, unknown>> };
  return Object.entries(description.paths)
    .filter(([path, methods]) => 'get' in methods && !ENDLESS.has(path))
    .map(([path]) =>
      path.replace(/\{(\w+)\}/g, (_, parameter: string) => {
        const value = values(path, parameter);
        if (value === undefined) throw new Error(`no value for ${parameter} of ${path}`);
        return value;
      }),
    );
}

/** Asks all of them; answers those that were not served. */
export async function askAll(client: Client, paths: readonly string[]): Promise<string[]> {
  const refused: string[] = [];
  for (const path of paths) {
    const { status } = await client.send('GET', path);
    if (status !== 200) refused.push(`${path}: ${status}`);
  }
  return refused;
}
